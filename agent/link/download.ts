import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { type Digest, digestToBytes, shortDigest } from '@tidemark/shared/base/digest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { ArtifactClient, DownloadChunk } from '@tidemark/shared/protocol/gen/tidemark/v1/artifact.ts';
import { callError, isPassing } from './grpc.ts';

/** `again`: the connection broke; what was received is kept, and the next connection goes on from there. */
export type DownloadError = { again: boolean; message: string };

export interface DownloadRequest {
  client: ArtifactClient;
  digest: Digest;
  /** For messages. */
  name: string;
  /** As the order says. */
  bytes: number;
  /** `<stateDir>/artifacts/incoming`. */
  directory: string;
  /** Breaks it off: what was received is kept. */
  signal: AbortSignal;
}

/**
 * Fetches an artifact into `<directory>/<hex>` and gives that path. What is under way lies in `<hex>.part`; a part that
 * is there is continued. Its digest is checked here to find damage early; who uses the file checks it again.
 */
export async function download(request: DownloadRequest): Promise<Result<string, DownloadError>> {
  const hex = digestToBytes(request.digest).toString('hex');
  const file = join(request.directory, hex);
  const part = `${file}.part`;
  try {
    await mkdir(request.directory, { recursive: true, mode: 0o700 });
    // Fetched before, and the executor has not come to move it away.
    if ((await sizeOf(file)) > 0 && (await hashOf(file)) === hex) return ok(file);
    const resumed = (await sizeOf(part)) > 0;
    const first = await fetchInto(part, request, hex);
    // A part of an earlier attempt may itself be damaged: then, once, all of it is fetched anew.
    const received = !first.ok && first.error.damaged && resumed ? await fetchAnew(part, request, hex) : first;
    if (!received.ok) {
      if (received.error.damaged) await rm(part, { force: true });
      return err({ again: received.error.again, message: received.error.message });
    }
    await rename(part, file);
    return ok(file);
  } catch (error) {
    return err(await diskError(error as NodeJS.ErrnoException, request, part));
  }
}

type FetchError = DownloadError & { damaged: boolean };

async function fetchAnew(part: string, request: DownloadRequest, hex: string): Promise<Result<null, FetchError>> {
  await rm(part, { force: true });
  return fetchInto(part, request, hex);
}

async function fetchInto(part: string, request: DownloadRequest, hex: string): Promise<Result<null, FetchError>> {
  const offset = await sizeOf(part);
  const space = await freeBytes(request.directory);
  if (request.bytes - offset > space) throw Object.assign(new Error('too little space'), { code: 'ENOSPC' });
  const handle = await open(part, 'a', 0o600);
  try {
    const received = await receive(request, offset, async data => {
      await handle.write(data);
    });
    if (!received.ok) return received;
    await handle.sync();
  } finally {
    await handle.close();
  }
  if ((await hashOf(part)) === hex) return ok(null);
  return err({
    again: false,
    damaged: true,
    message: `${request.name} is not what its digest ${shortDigest(request.digest)} says: it was changed or damaged on the controller or on the way. Import it there again: tidemark signatures import`,
  });
}

/** Takes chunks as fast as they can be written: the call is not read while one is being written. */
async function receive(
  { client, digest, name, bytes, signal }: DownloadRequest,
  from: number,
  write: (data: Buffer) => Promise<void>,
): Promise<Result<null, FetchError>> {
  const call = client.download({ digest: digestToBytes(digest), offset: from });
  // Leaving the loop early cancels the call, which then says so when nobody listens any more.
  call.on('error', () => {});
  const breakOff = () => call.cancel();
  signal.addEventListener('abort', breakOff, { once: true });
  const wrong = (message: string) => err({ again: false, damaged: true, message });
  let offset = from;
  try {
    for await (const chunk of call as AsyncIterable<DownloadChunk>) {
      if (chunk.total !== 0 && chunk.total !== bytes)
        return wrong(`${name} has ${chunk.total} bytes on the controller and ${bytes} in the order`);
      if (chunk.offset !== offset || offset + chunk.data.length > bytes)
        return wrong(`${name} came out of order at byte ${chunk.offset}`);
      // Disk errors are not the call's: they fly on to the caller.
      await write(chunk.data).catch(error => {
        throw new WriteFailed(error as Error);
      });
      offset += chunk.data.length;
    }
  } catch (error) {
    if (error instanceof WriteFailed) throw error.cause;
    const failed = callError(error);
    // A part that is longer than the whole cannot be one of it.
    if (failed.code === status.OUT_OF_RANGE) return err({ again: false, damaged: true, message: failed.details });
    return err({ again: isPassing(failed), damaged: false, message: `cannot fetch ${name}: ${failed.details}` });
  } finally {
    signal.removeEventListener('abort', breakOff);
    call.cancel();
  }
  return offset === bytes
    ? ok(null)
    : err({ again: true, damaged: false, message: `${name} ended at byte ${offset} of ${bytes}` });
}

class WriteFailed extends Error {
  override readonly cause: Error;

  constructor(cause: Error) {
    super(cause.message);
    this.cause = cause;
  }
}

async function diskError(error: NodeJS.ErrnoException, request: DownloadRequest, part: string): Promise<DownloadError> {
  if (error.code !== 'ENOSPC' && error.code !== 'EDQUOT')
    return { again: false, message: `cannot store ${request.name} in ${request.directory}: ${error.message}` };
  // A part that cannot become whole only keeps others from their space.
  await rm(part, { force: true });
  return {
    again: false,
    message:
      `no space for ${request.name} in ${request.directory}: it needs ${request.bytes} bytes and ` +
      `${await freeBytes(request.directory)} are free. Free some space there and try the step again`,
  };
}

async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    found => found.size,
    () => 0,
  );

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
