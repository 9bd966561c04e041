import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import type { Member } from './collector.ts';
import { fileTypeOf } from './file-type.ts';
import type { PackageFile } from './harvested.ts';
import type { HarvestLimits } from './limits.ts';
import { HarvestProblem, shown } from './problem.ts';
import type { Content } from './tar.ts';

/* .zip, .jar, .war: the list stands at the end, and what it says is held against what is there (APPNOTE.TXT). */

/** What a reader of archives does with members. */
export interface ZipSink {
  take(member: Member): Content | null;
  /** An archive inside of the archive, whole in memory; after its own {@link ZipSink.take}. */
  nested(path: string, bytes: Buffer): Promise<void>;
}

const NESTED = /\.(jar|war|ear|rar|zip)$/i;
const UNIX = 3;

/** Gives every member to the sink, in the order of the list. Throws a {@link HarvestProblem} for an archive that is not sound. */
export async function readZip(file: PackageFile, limits: HarvestLimits, sink: ZipSink): Promise<void> {
  let zip: ZipFile | null = null;
  try {
    zip = await fromRandomAccessReaderPromise(new FileReader(file), file.bytes, {
      lazyEntries: true,
      autoClose: false,
      decodeStrings: false,
      validateEntrySizes: true,
    });
    if (zip.entryCount > limits.maxMembers)
      throw new HarvestProblem('too-many', `the archive has more than ${limits.maxMembers} members`);
    const ranges: Range[] = [];
    for await (const entry of zip.eachEntry()) {
      const from = entry.relativeOffsetOfLocalHeader;
      ranges.push({ from, to: from + entry.compressedSize, name: nameOf(entry) });
      await readEntry(zip, entry, limits, sink);
    }
    checkOverlap(ranges);
  } catch (error) {
    throw explained(error);
  } finally {
    zip?.close();
  }
}

async function readEntry(zip: ZipFile, entry: Entry, limits: HarvestLimits, sink: ZipSink): Promise<void> {
  const path = nameOf(entry);
  // Made on Unix: the mode stands in the upper half of the attributes.
  const mode = entry.versionMadeBy >>> 8 === UNIX ? entry.externalFileAttributes >>> 16 : 0;
  const type = path.endsWith('/') ? 'directory' : (fileTypeOf(mode) ?? 'file');
  if (entry.isEncrypted()) throw new HarvestProblem('unknown-format', `the member ${shown(path)} is encrypted`);
  const size = entry.uncompressedSize;
  const member: Member = { path, type, mode: mode || null, owner: null, group: null, size, linkName: '' };
  if (type === 'symlink') {
    const target = await whole(zip, entry, limits.maxPathBytes, null);
    sink.take({ ...member, size: 0, linkName: target.toString('latin1') });
    return;
  }
  const content = sink.take(member);
  if (type === 'directory') return;
  if (NESTED.test(path)) {
    const bytes = await whole(zip, entry, limits.maxNestedBytes, content);
    content?.end();
    await sink.nested(path, bytes);
    return;
  }
  for await (const part of partsOf(zip, entry)) content?.data(part);
  content?.end();
}

async function whole(zip: ZipFile, entry: Entry, most: number, content: Content | null): Promise<Buffer> {
  if (entry.uncompressedSize > most)
    throw new HarvestProblem('too-large', `the member ${shown(nameOf(entry))} has more than ${most} bytes`);
  const parts: Buffer[] = [];
  for await (const part of partsOf(zip, entry)) {
    content?.data(part);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

async function* partsOf(zip: ZipFile, entry: Entry): AsyncGenerator<Buffer> {
  let sum = 0;
  for await (const part of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) {
    sum = crc32(part, sum);
    yield part;
  }
  if (sum !== entry.crc32)
    throw new HarvestProblem('checksum', `the member ${shown(nameOf(entry))} is damaged: its checksum is wrong`);
}

const nameOf = (entry: Entry): string => entry.fileNameRaw.toString('latin1');

class FileReader extends RandomAccessReader {
  readonly #file: PackageFile;

  constructor(file: PackageFile) {
    super();
    this.#file = file;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#file.read(start, end - start), { objectMode: false });
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.#file.at(position, length).then(bytes => {
      bytes.copy(buffer, offset);
      callback(null);
    }, callback);
  }
}

interface Range {
  from: number;
  to: number;
  name: string;
}

/** Members that share bytes make a large archive out of a small one at any ratio (Fifield, "A better zip bomb", 2019). */
function checkOverlap(ranges: Range[]): void {
  let before: Range | null = null;
  for (const range of ranges.sort((a, b) => a.from - b.from)) {
    if (before && before.to > range.from)
      throw new HarvestProblem(
        'ratio',
        `${shown(before.name)} and ${shown(range.name)} share bytes of the archive: a bomb`,
      );
    before = range;
  }
}

function explained(error: unknown): unknown {
  if (error instanceof HarvestProblem || !(error instanceof Error)) return error;
  const cut = error instanceof RangeError || /signature not found|unexpected E?O?F|unexpected end/i.test(error.message);
  return new HarvestProblem(cut ? 'truncated' : 'not-sound', `the archive is no sound zip archive: ${error.message}`);
}
