import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { decompressed } from '../harvest/decompress.ts';
import type { PackageFile } from '../harvest/harvested.ts';
import { DEFAULT_LIMITS, type HarvestLimits } from '../harvest/limits.ts';
import { HarvestProblem } from '../harvest/problem.ts';
import { TarReader } from '../harvest/tar.ts';
import { readZip } from '../harvest/zip.ts';

/* The files in what somebody gave: one file, a .zip as OSV publishes it, or a .tar of a directory; also compressed by gzip. */

const MIB = 1024 * 1024;
/** The longest is the list of all probabilities, some 15 MB. */
const MAX_FILE_BYTES = 128 * MIB;
/** All of OSV is some 2 GB. */
const MAX_TOTAL_BYTES = 4 * 1024 * MIB;
const LIMITS: HarvestLimits = { ...DEFAULT_LIMITS, maxMembers: 1_000_000, maxTotalBytes: MAX_TOTAL_BYTES };

const WANTED = /\.(json|csv)$/i;

/** Gives every .json and .csv to `take`. Throws a {@link HarvestProblem} where it is too much, or not sound. */
export async function eachFile(path: string, name: string, take: (name: string, text: string) => void): Promise<void> {
  const { size } = await stat(path);
  const start = await beginning(path);
  const spent = { bytes: 0 };
  if (start.subarray(0, 2).toString('latin1') === 'PK') {
    await readZip(fileAt(path, name, size), LIMITS, {
      take: member => collect(member, spent, take),
      nested: async inner => {
        throw new HarvestProblem('unknown-format', `${inner} is an archive inside of an archive: give it by itself`);
      },
    });
    return;
  }
  const content = decompressed(fileAt(path, name, size).read(), { what: name, most: MAX_TOTAL_BYTES });
  let tar: TarReader | null = null;
  let whole: Buffer[] | null = null;
  for await (const chunk of content) {
    if (!tar && !whole) {
      if (chunk.length >= 262 && chunk.toString('latin1', 257, 262) === 'ustar')
        tar = new TarReader(member => collect(member, spent, take), LIMITS.maxHeaderBytes);
      else whole = [];
    }
    tar?.push(chunk);
    if (!whole) continue;
    spent.bytes += chunk.length;
    if (spent.bytes > MAX_FILE_BYTES) throw tooLong(name);
    whole.push(chunk);
  }
  tar?.end();
  if (whole) take(name, Buffer.concat(whole).toString('utf8'));
}

function collect(
  member: { path: string; type: string; size: number },
  spent: { bytes: number },
  take: (name: string, text: string) => void,
) {
  if (member.type !== 'file' || !WANTED.test(member.path)) return null;
  const name = Buffer.from(member.path, 'latin1').toString('utf8');
  const parts: Buffer[] = [];
  let bytes = 0;
  return {
    data: (part: Buffer) => {
      bytes += part.length;
      spent.bytes += part.length;
      if (bytes > MAX_FILE_BYTES || spent.bytes > MAX_TOTAL_BYTES) throw tooLong(name);
      // The reader uses its buffer again.
      parts.push(Buffer.from(part));
    },
    end: () => take(name, Buffer.concat(parts).toString('utf8')),
  };
}

const tooLong = (name: string): HarvestProblem =>
  new HarvestProblem(
    'too-large',
    `${name} is longer than advisories are: ${MAX_FILE_BYTES / MIB} MiB each, and ${MAX_TOTAL_BYTES / MIB} together`,
  );

async function beginning(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

const fileAt = (path: string, name: string, bytes: number): PackageFile => ({
  name: basename(name),
  bytes,
  read: (from = 0, length = bytes - from) =>
    createReadStream(path, { start: from, end: Math.max(from, from + length - 1), highWaterMark: 256 * 1024 }),
  at: async (position, length) => {
    const handle = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  },
});
