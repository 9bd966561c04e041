import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const repository = join(import.meta.dirname, '../..');
const config = join(repository, '.dependency-cruiser.cjs');
const laws = (createRequire(import.meta.url)(config) as { forbidden: { name: string }[] }).forbidden;

/** For each law a file that breaks it, and what the import leads to. All else that is planted is lawful. */
const VIOLATIONS: Record<string, { file: string; imports: string }> = {
  'agent-and-controller-are-strangers': { file: 'agent/link/a.ts', imports: '@tidemark/controller/planner/x.ts' },
  'controller-and-agent-are-strangers': { file: 'controller/loops/a.ts', imports: '@tidemark/agent/scan/x.ts' },
  'shared-stands-alone': { file: 'shared/orders/a.ts', imports: '@tidemark/agent/scan/x.ts' },
  'shared-has-no-io': { file: 'shared/orders/a.ts', imports: 'node:fs' },
  'deciders-are-pure': { file: 'controller/orchestrator/decide.ts', imports: 'node:fs' },
  'capabilities-do-not-know-each-other': { file: 'controller/bundles/a.ts', imports: '../planner/x.ts' },
  'capabilities-do-not-know-their-callers': { file: 'controller/bundles/a.ts', imports: '../api/x.ts' },
  'capabilities-reach-the-store-through-ports': { file: 'controller/bundles/a.ts', imports: '../store/x.ts' },
  'the-forecast-stands-above': { file: 'controller/orchestrator/a.ts', imports: '../forecast/x.ts' },
  'the-forecast-plays-decisions-only': { file: 'controller/forecast/a.ts', imports: '../api/x.ts' },
  'cli-speaks-http-only': { file: 'controller/cli/commands/get.ts', imports: '../../planner/x.ts' },
  'the-executor-has-no-network': { file: 'agent/executor/a.ts', imports: 'node:net' },
  'the-link-runs-nothing': { file: 'agent/link/a.ts', imports: 'node:child_process' },
  'product-code-knows-no-tests': { file: 'agent/scan/a.ts', imports: '@tidemark/test/support/x.ts' },
  'no-cycles': { file: 'agent/scan/a.ts', imports: './b.ts' },
};

const LAWFUL = [
  'agent/scan/x.ts',
  'controller/planner/x.ts',
  'controller/api/x.ts',
  'controller/forecast/x.ts',
  'controller/store/x.ts',
  'test/support/x.ts',
];

describe('import laws', () => {
  let root = '';

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tidemark-laws-'));
    mkdirSync(join(root, 'node_modules/@tidemark'), { recursive: true });
    for (const workspace of ['shared', 'agent', 'controller', 'test']) {
      mkdirSync(join(root, workspace), { recursive: true });
      symlinkSync(join(root, workspace), join(root, 'node_modules/@tidemark', workspace));
      write(`${workspace}/package.json`, `{"name":"@tidemark/${workspace}","type":"module","exports":{"./*":"./*"}}`);
    }
    write('package.json', '{"name":"planted","workspaces":["shared","agent","controller","test"]}');
    for (const file of LAWFUL) write(file, 'export const x = 1;\nexport type X = number;\n');
    write('agent/scan/b.ts', "import type { A } from './a.ts';\nexport type B = A | null;\nexport type X = B;\n");
    write('agent/scan/a.ts', 'export type A = 1;\n');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('has an example of a violation for every law', () => {
    expect(Object.keys(VIOLATIONS).sort()).toEqual(laws.map(law => law.name).sort());
  });

  it('finds nothing in a lawful tree', async () => {
    expect(await brokenLaws()).toEqual([]);
  });

  for (const [law, { file, imports }] of Object.entries(VIOLATIONS)) {
    it(`${law}: ${file} must not import ${imports}`, async () => {
      write(file, `import * as planted from '${imports}';\nexport const use = planted;\nexport type A = 1;\n`);
      expect(await brokenLaws()).toEqual([law]);
    });

    it(`${law}: nor import a type from there`, async () => {
      write(file, `import type { X } from '${imports}';\nexport type A = X;\n`);
      expect(await brokenLaws()).toEqual([law]);
    });
  }

  function write(file: string, text: string): void {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }

  async function brokenLaws(): Promise<string[]> {
    const argv = ['--config', config, '--output-type', 'json', 'shared', 'agent', 'controller', 'test'];
    const output = await promisify(execFile)(join(repository, 'node_modules/.bin/depcruise'), argv, {
      cwd: root,
      maxBuffer: 64 * 1024 * 1024,
    }).then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    );
    const { summary } = JSON.parse(output) as { summary: { violations: { rule: { name: string } }[] } };
    return [...new Set(summary.violations.map(violation => violation.rule.name))].sort();
  }
});
