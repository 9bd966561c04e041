import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { shortDigest } from '@tidemark/shared/base/digest.ts';
import { ApiError } from './errors.ts';

export interface UploadLimits {
  directory: string;
  maxBytes: number;
}

/**
 * Writes a body to a file of its own while hashing it, gives the file to `use`, and deletes it whatever happens. What
 * is longer than allowed or has another digest than `expected` is never used.
 */
export async function withUpload<T>(
  body: Readable,
  expected: string,
  limits: UploadLimits,
  use: (file: string, bytes: number) => Promise<T>,
): Promise<T> {
  await mkdir(limits.directory, { recursive: true, mode: 0o700 });
  const file = join(limits.directory, `upload-${randomUUID()}`);
  try {
    const { digest: found, bytes } = await receive(body, file, limits.maxBytes);
    if (found !== expected) {
      throw new ApiError(
        422,
        'digest-mismatch',
        `the archive arrived with digest ${shortDigest(found)}, announced was ${shortDigest(expected)}: send it again; where that does not help, the file changed while it was read`,
      );
    }
    return await use(file, bytes);
  } finally {
    await rm(file, { force: true });
  }
}

async function receive(body: Readable, file: string, maxBytes: number): Promise<{ digest: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      // What is too much is read and thrown away: cutting the connection would cut off the reason as well.
      if (bytes > maxBytes) {
        done();
        return;
      }
      hash.update(chunk);
      done(null, chunk);
    },
  });
  try {
    await pipeline(body, meter, createWriteStream(file, { flags: 'wx', mode: 0o600 }));
  } catch (error) {
    throw asApiError(error);
  }
  if (bytes > maxBytes) throw tooLarge(maxBytes);
  return { digest: `sha256:${hash.digest('hex')}`, bytes };
}

const tooLarge = (maxBytes: number): ApiError =>
  new ApiError(413, 'too-large', `the archive is larger than ${maxBytes} bytes, which is the most that is taken`);

function asApiError(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC')
    return new ApiError(
      507,
      'no-space',
      'the controller has no space left for the archive: free some and send it again',
    );
  if (code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ECONNRESET')
    return new ApiError(400, 'upload-cut', 'the archive did not arrive as a whole: send it again');
  return error;
}
