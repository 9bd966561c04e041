import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/*
 * Programs that tests of the executor start, bundled once for a whole run of vitest: from source, with its types to be
 * taken out and a module in each file, each of some thousand processes takes four times as long to start.
 */

const repository = join(import.meta.dirname, '../..');

export const SOURCES = {
  agent: join(repository, 'agent/main.ts'),
  executor: join(repository, 'test/contract/executor-process.ts'),
  'killed-executor': join(repository, 'test/contract/executor-kill-process.ts'),
  'launch-driver': join(repository, 'test/support/launch-driver.ts'),
} as const;

type ProgramName = keyof typeof SOURCES;

const DIRECTORY = 'TIDEMARK_TEST_PROGRAMS';
const BANNER =
  "import { createRequire as testCreateRequire } from 'node:module'; const require = testCreateRequire(import.meta.url);";

/** Where a program is to be started: its source where nothing was built, as outside of vitest. */
export function programOf(name: ProgramName): string {
  const directory = process.env[DIRECTORY];
  return directory === undefined ? SOURCES[name] : join(directory, `${name}.mjs`);
}

/** vitest's globalSetup. */
export default async function buildPrograms(): Promise<() => void> {
  const { build } = await import('esbuild');
  const { bundleScanWorker } = await import('../../installers/scan-worker.mjs');
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-programs-'));
  await build({
    entryPoints: Object.fromEntries(Object.entries(SOURCES).map(([name, source]) => [`${name}-main`, source])),
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    define: (await bundleScanWorker()).define,
    banner: { js: BANNER },
    logLevel: 'error',
  });
  // A step sees nothing of the agent's environment, which would say where to find what V8 made of a program before.
  for (const name of Object.keys(SOURCES)) {
    const cache = `enableCompileCache(${JSON.stringify(join(directory, 'compiled'))});`;
    writeFileSync(
      join(directory, `${name}.mjs`),
      `import { enableCompileCache } from 'node:module';\n${cache}\nawait import('./${name}-main.mjs');\n`,
    );
  }
  process.env[DIRECTORY] = directory;
  return () => rmSync(directory, { recursive: true, force: true });
}
