import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { ArchiveProblem, type EntrySink, readArchive as readEntries } from '@tidemark/shared/archive/read.ts';
import { isNotFound } from './file-system.ts';
import { PackageProblem, type ReleaseSource } from './package.ts';

/**
 * Reads a release's archive, one entry after the other, and throws a {@link PackageProblem} unless it is whole and has
 * the digest that the order names. The caller must not use what it got before this has returned.
 */
export async function readArchive(source: ReleaseSource, sink: EntrySink): Promise<void> {
  const size = await sizeOf(source.file);
  let found: Buffer;
  try {
    found = await readEntries({ bytes: createReadStream(source.file), size, release: source }, sink);
  } catch (error) {
    throw error instanceof ArchiveProblem ? new PackageProblem(error.message) : error;
  }
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
  await readArchive(source, async entry => {
    // Its content is passed over: only what the headers say counts here.
    if (entry.kind === 'file') total += entry.sizeBytes;
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
