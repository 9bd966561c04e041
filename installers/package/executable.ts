import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { inject } from 'postject';
import { englishOnly } from '../english-only.mjs';
import { bundleScanWorker } from '../scan-worker.mjs';
import { BLOB_NAME, FUSE, withBlob } from './elf.ts';
import type { Lock } from './lock.ts';
import { nodeProgram } from './node-program.ts';
import type { Platform } from './platforms.ts';
import type { Release } from './release.ts';

/** An agent that waits is not compiled (docs/decisions/0413); its steps take that back (agent/own-command.ts). */
const WAITING = [
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=1',
  '--optimize-for-size',
  '--no-opt',
  '--no-maglev',
];

/** The agent as what Node calls a blob: the same for every platform. */
export interface AgentBlob {
  blob: Buffer;
  /** Paths of all that it was made of, below the root. */
  inputs: readonly string[];
}

/** The agent's program in one piece, as one script: what is in parts elsewhere is in functions here. */
export async function agentBlob(root: string, release: Release): Promise<AgentBlob> {
  const worker = await bundleScanWorker(root);
  const built = await build({
    absWorkingDir: root,
    entryPoints: ['agent/main.ts'],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    keepNames: true,
    minifyWhitespace: true,
    minifySyntax: true,
    // An executable has no file beside it that could be told by this.
    define: {
      ...worker.define,
      'import.meta.url': '""',
      TIDEMARK_RELEASE: JSON.stringify({ version: release.version, commit: release.commit }),
    },
    plugins: [englishOnly],
    metafile: true,
    write: false,
    logLevel: 'error',
  });
  const [script] = built.outputFiles;
  if (!script) throw new Error('the bundle of the agent is empty');
  return { blob: asBlob(script.contents), inputs: [...inputsOf(built.metafile), ...worker.inputs] };
}

const inputsOf = ({ inputs }: Metafile): string[] => Object.keys(inputs);

function asBlob(script: Uint8Array): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-blob-'));
  try {
    writeFileSync(join(directory, 'agent.cjs'), script);
    const config = {
      // The name is part of the blob: it must say nothing of this machine.
      main: 'agent.cjs',
      output: 'agent.blob',
      disableExperimentalSEAWarning: true,
      // Compiled code differs from build to build.
      useCodeCache: false,
      useSnapshot: false,
      execArgv: WAITING,
      // Options come from whoever starts it, never from NODE_OPTIONS.
      execArgvExtension: 'cli',
    };
    writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
    execFileSync(process.execPath, ['--experimental-sea-config', 'config.json'], { cwd: directory, stdio: 'pipe' });
    return readFileSync(join(directory, 'agent.blob'));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The executable for a platform: that platform's Node with the agent in it. */
export async function agentExecutable(root: string, lock: Lock, platform: Platform, blob: Buffer): Promise<Buffer> {
  const node = nodeProgram(root, lock, platform);
  return platform.os === 'linux' ? withBlob(node, blob) : withResource(node, blob);
}

/** As a resource, in the format of Windows. */
async function withResource(node: Buffer, blob: Buffer): Promise<Buffer> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-executable-'));
  const file = join(directory, 'agent.exe');
  try {
    writeFileSync(file, node);
    await inject(file, BLOB_NAME, blob, { sentinelFuse: FUSE });
    return readFileSync(file);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
