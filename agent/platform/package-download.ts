import { createWriteStream } from 'node:fs';
import { copyFile, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { resolveBelow } from './server-path.ts';

/** A package that does not come within this time may come with the next attempt. */
const LIMIT_MS = 10 * 60_000;

/**
 * Brings one file of a repository: a directory of the server, or http. What it is worth is checked by whoever uses it.
 * Throws with what the other side said.
 */
export async function downloadPackage(
  source: string,
  target: string,
  { root, signal }: { root: string; signal: AbortSignal },
): Promise<void> {
  const part = `${target}.part`;
  try {
    if (source.startsWith('/')) await copyFile(resolveBelow(root, source), part);
    else {
      const response = await fetch(source, { signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]) });
      if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
      await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(part, { mode: 0o644 }));
    }
    await rename(part, target);
  } catch (error) {
    await rm(part, { force: true });
    const { message, cause } = error as Error & { cause?: Error };
    throw new Error(cause?.message ?? message);
  }
}
