import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { z } from 'zod';
import { Answer, type Request } from './request.ts';

/** What a package's reader found wrong; `code` is a HarvestCode, or `reader-ended`. */
export interface ConfinedProblem {
  code: string;
  message: string;
}

/** The largest images take minutes on a loaded machine; nothing that is sound takes more. */
const TIMEOUT_MS = 15 * 60_000;
/** Of JavaScript's own memory: a list of 500,000 files takes some 300 MB. */
const MAX_HEAP_MB = 768;
/** A list of 500,000 files is 40 MB. */
const MAX_ANSWER_BYTES = 512 * 1024 * 1024;

/**
 * Has a request answered by a process of its own, which may read its program and the one file, and may write, start and
 * connect to nothing. Whatever is wrong with the file harms that process alone: one that dies, hangs or takes too much
 * memory is a problem of that file.
 */
export async function harvestConfined<T extends z.ZodType>(
  request: Request,
  file: string | null,
  value: T,
  timeoutMs = TIMEOUT_MS,
): Promise<Result<z.output<T>, ConfinedProblem>> {
  const handle = file === null ? null : await open(file, 'r');
  try {
    const { text, end } = await run(JSON.stringify(request), handle, timeoutMs);
    if (end !== null)
      return err({ code: 'reader-ended', message: `reading it ended with ${end}: it is damaged, or made to do harm` });
    const answer = Answer.parse(JSON.parse(text));
    return answer.ok ? ok(value.parse(answer.value)) : err({ code: answer.code, message: answer.message });
  } finally {
    await handle?.close();
  }
}

/** What Node lets such a process do: read below one directory, and nothing else. */
export const confinement = (readable: string): string[] => [
  '--permission',
  `--allow-fs-read=${readable}`,
  `--max-old-space-size=${MAX_HEAP_MB}`,
  '--no-warnings',
];

function run(
  request: string,
  file: FileHandle | null,
  timeoutMs: number,
): Promise<{ text: string; end: string | null }> {
  const { program, readable } = place();
  return new Promise((done, failed) => {
    const child = spawn(
      process.execPath,
      [...confinement(readable), program],
      // Nothing of the controller's environment: it may hold the database's password.
      {
        stdio: ['pipe', 'pipe', 'pipe', file ? file.fd : 'ignore'],
        env: {},
        cwd: '/',
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
      },
    );
    const parts: Buffer[] = [];
    let bytes = 0;
    let complaint = '';
    child.once(
      'spawn',
      () => child.pid !== undefined && setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL),
    );
    child.once('error', failed);
    child.stdout?.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes > MAX_ANSWER_BYTES) child.kill('SIGKILL');
      else parts.push(part);
    });
    child.stderr?.on('data', (part: Buffer) => {
      complaint = `${complaint}${part}`.slice(-4_000);
    });
    child.once('close', (code, signal) => {
      const last = /^(\w*Error.*)$/m.exec(complaint)?.[1];
      const end = code === 0 ? null : `${signal ?? `status ${code}`}${last ? ` (${last.slice(0, 200)})` : ''}`;
      done({ text: Buffer.concat(parts).toString('utf8'), end });
    });
    // One that has died does not read.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(request);
  });
}

/** Beside this program where it is bundled, else among the sources. */
function place(): { program: string; readable: string } {
  const here = dirname(fileURLToPath(import.meta.url));
  const bundled = join(here, 'tidemark-harvest.mjs');
  if (existsSync(bundled)) return { program: bundled, readable: here };
  return { program: join(here, 'main.ts'), readable: resolve(here, '../..') };
}
