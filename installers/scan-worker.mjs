import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** A thread of a scan is started from text, so that the agent stays one file: what the agent is bundled with. */
export async function bundleScanWorker(root = dirname(dirname(fileURLToPath(import.meta.url)))) {
  const result = await build({
    absWorkingDir: root,
    entryPoints: ['agent/scan/worker.ts'],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    // Names stay, so that what broke can be read.
    minifyWhitespace: true,
    minifySyntax: true,
    write: false,
    metafile: true,
    logLevel: 'error',
  });
  return {
    define: { TIDEMARK_SCAN_WORKER: JSON.stringify(result.outputFiles[0].text) },
    inputs: Object.keys(result.metafile.inputs),
  };
}
