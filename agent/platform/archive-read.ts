import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import {
  type CheckedEntry,
  checkEntry,
  DEFAULT_ENTRY_LIMITS,
  type EntryLimits,
  maxUnpackedBytes,
  noEntriesYet,
} from '@tidemark/shared/archive/entry-rules.ts';
import { extract as tarExtract } from 'tar-stream';
import { isNotFound, showBytes } from './file-system.ts';
import { PackageProblem, type ReleaseSource } from './package.ts';

/** Takes one entry; of a file it must read `content` to its end. */
export type EntrySink = (entry: CheckedEntry, content: Readable) => Promise<void>;

/** Headers and padding around the content: three blocks of 512 bytes an entry and the end, generously. */
const TAR_OVERHEAD_BYTES = 1536;

/**
 * Reads a .tar.gz through the entry rules, one entry after the other, and throws a {@link PackageProblem} unless it
 * is whole and has the digest that the order names. The caller must not use what it got before this has returned.
 */
export async function readArchive(source: ReleaseSource, sink: EntrySink): Promise<void> {
  const archiveBytes = await sizeOf(source.file);
  const limits: EntryLimits = { ...DEFAULT_ENTRY_LIMITS, archiveBytes };
  const soFar = noEntriesYet({ product: source.product, version: source.version });
  const hash = createHash('sha256');
  const tar = tarExtract();
  const digesting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  let unpacked = 0;
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      unpacked += chunk.length;
      const most = maxUnpackedBytes(limits) + soFar.count * TAR_OVERHEAD_BYTES + limits.maxPathBytes * 1024;
      if (unpacked > most) done(new PackageProblem(`the archive unpacks to more than ${showBytes(most)}`));
      else done(null, chunk);
    },
  });
  const reading = pipeline(createReadStream(source.file), digesting, createGunzip(), counting, tar);
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
      if (!checked.ok) throw new PackageProblem(checked.error.message);
      if (checked.value) await sink(checked.value, entry as unknown as Readable);
      entry.resume();
    }
    await reading;
  } catch (error) {
    tar.destroy();
    throw explained(error);
  }
  const found = hash.digest();
  if (!found.equals(source.sha256)) throw wrongDigest(source, found);
}

/** Checks the file alone, before anything is done with it. */
export async function checkArchiveDigest(source: ReleaseSource): Promise<void> {
  await sizeOf(source.file);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(source.file)) hash.update(chunk as Buffer);
  const found = hash.digest();
  if (!found.equals(source.sha256)) throw wrongDigest(source, found);
}

/** Bytes that it unpacks to: for the message when there is no room. */
export async function unpackedBytes(source: ReleaseSource): Promise<number> {
  let total = 0;
  await readArchive(source, async (entry, content) => {
    if (entry.kind === 'file') total += entry.sizeBytes;
    content.resume();
  });
  return total;
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new PackageProblem('the archive is not on this server; stage it first');
  }
}

function wrongDigest(source: ReleaseSource, found: Uint8Array): PackageProblem {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex').slice(0, 12);
  return new PackageProblem(
    `the archive of ${source.product} ${source.version} has digest ${hex(found)}, the order wants ` +
      `${hex(source.sha256)}; it was damaged or replaced after it was staged: stage it again`,
  );
}

function explained(error: unknown): unknown {
  if (error instanceof PackageProblem || !(error instanceof Error)) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'Z_BUF_ERROR' || /Unexpected end of data/.test(error.message))
    return new PackageProblem('the archive is truncated: it ends in the middle; stage it again');
  if (code.startsWith('Z_')) return new PackageProblem(`the archive is no sound gzip file: ${error.message}`);
  if (/Invalid tar header|Header exceeds|Invalid header/.test(error.message))
    return new PackageProblem(`the archive is no sound tar file: ${error.message}`);
  return error;
}
