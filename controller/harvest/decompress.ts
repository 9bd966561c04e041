import { PassThrough, pipeline, Readable, type Transform } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import unbzip2 from 'unbzip2-stream';
import * as xz from 'xz-decompress';
import { HarvestProblem } from './problem.ts';
import { StreamReader } from './stream-reader.ts';

// CommonJS whose names Node does not find: it is all in the default export, of which its types do not know.
const { XzReadableStream } = (xz as typeof xz & { default: typeof xz }).default;

export type Compression = 'none' | 'gzip' | 'xz' | 'zstd' | 'bzip2';

/** 256 KiB: fewer turns of the event loop for a megabyte than the default of 16. */
const CHUNK_BYTES = 256 * 1024;

const MAGIC: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
];

/** By its first six bytes: names lie more often than these. */
export const compressionOf = (head: Buffer): Compression =>
  MAGIC.find(([, magic]) => magic.every((byte, at) => head[at] === byte))?.[0] ?? 'none';

/**
 * What a compressed stream holds, in pieces; what is not compressed comes as it is. Throws a {@link HarvestProblem} where
 * it is truncated, damaged, or gives more than `most` bytes.
 */
export async function* decompressed(
  source: AsyncIterable<Uint8Array>,
  { what, most }: { what: string; most: number },
): AsyncGenerator<Buffer> {
  const reader = new StreamReader(source);
  const kind = compressionOf(await reader.peek(6));
  let bytes = 0;
  try {
    for await (const chunk of opened(reader.rest(), kind)) {
      bytes += chunk.length;
      if (bytes > most) throw new HarvestProblem('ratio', `${what} unpacks to more than ${most} bytes: a bomb`);
      yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    }
  } catch (error) {
    throw explained(error, kind, what);
  }
}

function opened(source: AsyncGenerator<Buffer>, kind: Compression): AsyncIterable<Uint8Array> {
  switch (kind) {
    case 'none':
      return source;
    case 'gzip':
      return through(source, createGunzip({ chunkSize: CHUNK_BYTES }));
    case 'zstd':
      return through(source, createZstdDecompress({ chunkSize: CHUNK_BYTES }));
    case 'xz':
      return new XzReadableStream(ReadableStream.from(source) as unknown as globalThis.ReadableStream<Uint8Array>);
    case 'bzip2':
      return bzip2(source);
  }
}

function through(source: AsyncGenerator<Buffer>, transform: Transform): AsyncIterable<Buffer> {
  // The one who reads the transform gets the error; here it needs a place to go.
  pipeline(Readable.from(source, { objectMode: false, highWaterMark: CHUNK_BYTES }), transform, () => undefined);
  return transform;
}

/** An old-style stream, which knows no waiting for its reader by itself: the pipeline into one that does gives it that. */
function bzip2(source: AsyncGenerator<Buffer>): AsyncIterable<Buffer> {
  const out = new PassThrough({ highWaterMark: CHUNK_BYTES });
  pipeline(Readable.from(source, { objectMode: false }), unbzip2(), out, error => {
    if (error) out.destroy(error);
  });
  return out;
}

function explained(error: unknown, kind: Compression, what: string): unknown {
  if (error instanceof HarvestProblem || !(error instanceof Error)) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  // What reads bzip2 walks off its input; 8 is XZ_BUF_ERROR, 7 XZ_DATA_ERROR, 6 XZ_OPTIONS_ERROR (xz-embedded, xz.h).
  const cut =
    code === 'Z_BUF_ERROR' || (kind === 'bzip2' && error instanceof TypeError) || /code 8$/.test(error.message);
  if (cut) return new HarvestProblem('truncated', `${what} ends in the middle of its ${kind} stream`);
  if (kind === 'none') return error;
  return new HarvestProblem('not-sound', `${what} is no sound ${kind} stream: ${error.message}`);
}
