import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';

const repository = join(import.meta.dirname, '../..');
const config = join(repository, '.dependency-cruiser.cjs');
const laws = (createRequire(import.meta.url)(config) as { forbidden: { name: string }[] }).forbidden;

/** For each law a file of its own that breaks it, and what the import leads to. All else that is planted is lawful. */
const VIOLATIONS: Record<string, { file: string; imports: string }> = {
  'agent-and-controller-are-strangers': { file: 'agent/link/b.ts', imports: '@tidemark/controller/planner/x.ts' },
  'controller-and-agent-are-strangers': { file: 'controller/loops/a.ts', imports: '@tidemark/agent/scan/x.ts' },
  'shared-stands-alone': { file: 'shared/orders/a.ts', imports: '@tidemark/agent/scan/x.ts' },
  'shared-has-no-io': { file: 'shared/orders/b.ts', imports: 'node:fs' },
  'deciders-are-pure': { file: 'controller/orchestrator/decide.ts', imports: 'node:fs' },
  'capabilities-do-not-know-each-other': { file: 'controller/bundles/a.ts', imports: '../planner/x.ts' },
  'capabilities-do-not-know-their-callers': { file: 'controller/bundles/b.ts', imports: '../api/x.ts' },
  'capabilities-reach-the-store-through-ports': { file: 'controller/bundles/c.ts', imports: '../store/x.ts' },
  'the-forecast-stands-above': { file: 'controller/orchestrator/a.ts', imports: '../forecast/x.ts' },
  'the-forecast-plays-decisions-only': { file: 'controller/forecast/a.ts', imports: '../api/x.ts' },
  'cli-speaks-http-only': { file: 'controller/cli/commands/get.ts', imports: '../../planner/x.ts' },
  'the-console-speaks-http-only': { file: 'controller/web/a.tsx', imports: '../planner/x.ts' },
  'nobody-needs-the-console': { file: 'controller/loops/b.ts', imports: '../web/x.ts' },
  'the-executor-has-no-network': { file: 'agent/executor/a.ts', imports: 'node:net' },
  'the-link-runs-nothing': { file: 'agent/link/a.ts', imports: 'node:child_process' },
  'product-code-knows-no-tests': { file: 'agent/scan/c.ts', imports: '@tidemark/test/support/x.ts' },
  'no-cycles': { file: 'agent/scan/a.ts', imports: './b.ts' },
};

const LAWFUL = [
  'agent/scan/x.ts',
  'controller/planner/x.ts',
  'controller/api/x.ts',
  'controller/forecast/x.ts',
  'controller/store/x.ts',
  'controller/web/x.ts',
  'test/support/x.ts',
];

/** Either way of importing; a tree of each breaks all laws, each in a file of its own, so that it is read once. */
const IMPORTS = {
  'must not import': (from: string) =>
    `import * as planted from '${from}';\nexport const use = planted;\nexport type A = 1;\n`,
  'nor a type from': (from: string) => `import type { X } from '${from}';\nexport type A = X;\n`,
};

describe('import laws', () => {
  const planted = Object.entries(VIOLATIONS).map(([law, { file, imports }]) => [law, file, imports] as const);

  it('have an example of a violation each', () => {
    expect(Object.keys(VIOLATIONS).sort()).toEqual(laws.map(law => law.name).sort());
    expect(new Set(planted.map(([, file]) => file)).size).toBe(planted.length);
  });

  it('are kept by a lawful tree', async () => {
    const tree = plant();
    expect(await brokenLaws(tree)).toEqual(new Map());
    rmSync(tree, { recursive: true });
  });

  describe.each(Object.entries(IMPORTS))('%s', (_, textOf) => {
    let broken = new Map<string, string[]>();

    beforeAll(async () => {
      const tree = plant();
      for (const [, file, imports] of planted) write(tree, file, textOf(imports));
      broken = await brokenLaws(tree);
      rmSync(tree, { recursive: true });
    });

    it.each(planted)('%s: %s, %s', (law, file) => {
      expect(broken.get(file)).toEqual([law]);
    });

    it('and all else is lawful', () => {
      expect([...broken.keys()].sort()).toEqual(planted.map(([, file]) => file).sort());
    });
  });
});

/** A lawful tree in a directory of its own. */
function plant(): string {
  const root = mkdtempSync(join(tmpdir(), 'tidemark-laws-'));
  mkdirSync(join(root, 'node_modules/@tidemark'), { recursive: true });
  for (const workspace of ['shared', 'agent', 'controller', 'test']) {
    mkdirSync(join(root, workspace), { recursive: true });
    symlinkSync(join(root, workspace), join(root, 'node_modules/@tidemark', workspace));
    write(
      root,
      `${workspace}/package.json`,
      `{"name":"@tidemark/${workspace}","type":"module","exports":{"./*":"./*"}}`,
    );
  }
  write(root, 'package.json', '{"name":"planted","workspaces":["shared","agent","controller","test"]}');
  for (const file of LAWFUL) write(root, file, 'export const x = 1;\nexport type X = number;\n');
  write(root, 'agent/scan/b.ts', "import type { A } from './a.ts';\nexport type B = A | null;\nexport type X = B;\n");
  write(root, 'agent/scan/a.ts', 'export type A = 1;\n');
  return root;
}

function write(root: string, file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

/** By file, which laws its imports break. */
async function brokenLaws(root: string): Promise<Map<string, string[]>> {
  const argv = ['--config', config, '--output-type', 'json', 'shared', 'agent', 'controller', 'test'];
  const output = await promisify(execFile)(join(repository, 'node_modules/.bin/depcruise'), argv, {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  }).then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  );
  const { summary } = JSON.parse(output) as { summary: { violations: { from: string; rule: { name: string } }[] } };
  const byFile = Map.groupBy(summary.violations, ({ from }) => from);
  return new Map([...byFile].map(([file, found]) => [file, [...new Set(found.map(({ rule }) => rule.name))].sort()]));
}
