import { createHash } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract as tarExtract } from 'tar-stream';
import {
  type CheckedEntry,
  checkEntry,
  DEFAULT_ENTRY_LIMITS,
  type EntryLimits,
  maxUnpackedBytes,
  noEntriesYet,
} from './entry-rules.ts';

/** The archive is not one that may be unpacked. The message names what is wrong with it. */
export class ArchiveProblem extends Error {
  override name = 'ArchiveProblem';
}

/** Takes one entry; of a file it must read `content` to its end. */
export type EntrySink = (entry: CheckedEntry, content: AsyncIterable<Uint8Array>) => Promise<void>;

export interface ArchiveSource {
  bytes: AsyncIterable<Uint8Array>;
  /** Size of the archive: what it may unpack to depends on it. */
  size: number;
  /** Whose `<product>-<version>/` top directory is taken off; null where nothing is. */
  release: { product: string; version: string } | null;
}

/** Headers and padding around the content: three blocks of 512 bytes an entry, generously. */
const TAR_OVERHEAD_BYTES = 1536;

/**
 * Two blocks of zeros end a tar. Without looking at them, one that was cut between two entries (the writer was killed,
 * and gzip closed its pipe in good order) would pass for a whole one.
 */
const END_BYTES = 1024;

function lastBytes(before: Uint8Array, chunk: Uint8Array): Uint8Array {
  if (chunk.length >= END_BYTES) return Buffer.from(chunk.subarray(-END_BYTES));
  return Buffer.concat([before.subarray(-(END_BYTES - chunk.length)), chunk]);
}

/**
 * Reads a .tar.gz through the entry rules, one entry after the other, in bounded memory. Gives the archive's SHA-256
 * once it has been read whole; throws {@link ArchiveProblem} where it is truncated, no archive, or holds what no release
 * may. What the sink got before this has returned is not to be used.
 */
export async function readArchive(source: ArchiveSource, sink: EntrySink): Promise<Buffer> {
  const limits: EntryLimits = { ...DEFAULT_ENTRY_LIMITS, archiveBytes: source.size };
  const soFar = noEntriesYet(source.release);
  const hash = createHash('sha256');
  const tar = tarExtract();
  const digesting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  let unpacked = 0;
  let end: Uint8Array = Buffer.alloc(0);
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      unpacked += chunk.length;
      end = lastBytes(end, chunk);
      const most = maxUnpackedBytes(limits) + soFar.count * TAR_OVERHEAD_BYTES + limits.maxPathBytes * 1024;
      if (unpacked > most) done(new ArchiveProblem(`the archive unpacks to more than ${most} bytes`));
      else done(null, chunk);
    },
  });
  const reading = pipeline(Readable.from(source.bytes), digesting, createGunzip(), counting, tar);
  // The loop below reports what went wrong first; without this the same error would also be unhandled.
  reading.catch(() => undefined);
  try {
    for await (const entry of tar) {
      const { name, type, linkname, size, mode } = entry.header;
      const checked = checkEntry(
        {
          path: name,
          type: type ?? 'unknown',
          linkTarget: linkname ?? null,
          sizeBytes: size ?? 0,
          mode: mode ?? 0o644,
        },
        limits,
        soFar,
      );
      if (!checked.ok) throw new ArchiveProblem(checked.error.message);
      if (checked.value) await sink(checked.value, entry as unknown as AsyncIterable<Uint8Array>);
      entry.resume();
    }
    await reading;
    if (end.length < END_BYTES || end.some(byte => byte !== 0))
      throw new ArchiveProblem('the archive is truncated: it has no end mark, so entries may be missing');
  } catch (error) {
    tar.destroy();
    throw explained(error);
  }
  return hash.digest();
}

/** zlib and tar-stream speak to programmers; these are the same in words for administrators. */
function explained(error: unknown): unknown {
  if (error instanceof ArchiveProblem || !(error instanceof Error)) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'Z_BUF_ERROR' || /Unexpected end of data/.test(error.message))
    return new ArchiveProblem('the archive is truncated: it ends in the middle');
  if (code.startsWith('Z_')) return new ArchiveProblem(`the archive is no sound gzip file: ${error.message}`);
  if (/Invalid tar header|Header exceeds|Invalid header/.test(error.message))
    return new ArchiveProblem(`the archive is no sound tar file: ${error.message}`);
  return error;
}
