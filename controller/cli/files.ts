import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { CliError, Exit, usageError } from './exit.ts';

/** The text of a file that the command line names. */
export async function readText(path: string, maxBytes = 64 * 1024 * 1024): Promise<string> {
  const bytes = await readBytes(path, maxBytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CliError(Exit.error, `${path} is not UTF-8 text`);
  }
}

export async function readBytes(path: string, maxBytes: number): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes)
      throw new CliError(Exit.error, `${path} has ${size} bytes; the most that is taken is ${maxBytes}`);
    return await readFile(path);
  } catch (error) {
    throw fileError(path, error);
  }
}

/** How errors in it name a file: as it was typed, so that editors find it; an overlong path by its last part. */
export const shownName = (path: string): string => (path.length <= 255 ? path : basename(path));

/** A secret that lies in a file: its one line. */
export async function readSecret(path: string): Promise<string> {
  const secret = (await readText(path, 64 * 1024)).replace(/\r?\n$/, '');
  if (secret === '' || /[\r\n]/.test(secret)) throw new CliError(Exit.error, `${path} does not hold exactly one line`);
  return secret;
}

/** Writes a file that was not there before: what exists is never replaced, since it may be the only copy of a key. */
export async function writeNew(path: string, content: string, mode: number): Promise<void> {
  try {
    await writeFile(path, content, { flag: 'wx', mode });
    await chmod(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw usageError(`${path} exists already: give another name, or move it away`);
    throw new CliError(Exit.error, `${path} cannot be written: ${(error as Error).message}`);
  }
}

/** Digest and length of a file, read in pieces. */
export async function measure(path: string): Promise<{ digest: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (error) {
    throw fileError(path, error);
  }
  return { digest: `sha256:${hash.digest('hex')}`, bytes };
}

function fileError(path: string, error: unknown): unknown {
  if (error instanceof CliError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new CliError(Exit.error, `${path} does not exist`);
  if (code === 'EISDIR') return new CliError(Exit.error, `${path} is a directory, not a file`);
  if (code === 'EACCES') return new CliError(Exit.error, `${path} cannot be read: permission denied`);
  return new CliError(Exit.error, `${path} cannot be read: ${message}`);
}
