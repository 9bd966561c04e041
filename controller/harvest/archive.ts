import { createHash } from 'node:crypto';
import { Collector } from './collector.ts';
import { decompressed } from './decompress.ts';
import type { ListedFile } from './file-list.ts';
import type { PackageFile } from './harvested.ts';
import { type HarvestLimits, mostUnpackedBytes } from './limits.ts';
import { HarvestProblem, shown } from './problem.ts';
import { TarReader } from './tar.ts';
import { readZip } from './zip.ts';

/* Archives that say nothing of what they are: who imports them does. `at` is where their top lies on servers. */

const JAVA = /\.(jar|war|ear|rar)$/i;

export async function harvestTar(file: PackageFile, at: string, limits: HarvestLimits): Promise<ListedFile[]> {
  const files = new Collector({ limits, packedBytes: file.bytes, at, usrMerged: false });
  const tar = new TarReader(member => files.take(member), limits.maxHeaderBytes);
  const most = mostUnpackedBytes(limits, file.bytes) + limits.maxMembers * 1024;
  for await (const chunk of decompressed(file.read(), { what: file.name, most })) tar.push(chunk);
  tar.end();
  return files.files;
}

/**
 * A .zip is what it unpacks to. A .jar, .war, .ear or .rar lies on servers as it is: one file, and its members, and theirs,
 * since who builds a product packs other people's archives anew, and only the members are then the same.
 */
export async function harvestZip(file: PackageFile, at: string, limits: HarvestLimits): Promise<ListedFile[]> {
  const files = new Collector({ limits, packedBytes: file.bytes, at, usrMerged: false });
  const top = at === '/' ? '' : at;
  const inside = { files, limits, packedBytes: file.bytes };
  if (!JAVA.test(file.name)) {
    await readZip(file, limits, {
      take: member => files.take(member),
      nested: (path, bytes) => membersOf(memoryOf(path, bytes), `${top}/${path}`, 1, inside),
    });
    return files.files;
  }
  const path = `${top}/${Buffer.from(file.name).toString('latin1')}`;
  const hash = createHash('sha256');
  for await (const part of file.read()) hash.update(part);
  files.add({ ...UNKNOWN, path, kind: 'file', size: file.bytes, sha256: hash.digest('hex') });
  await membersOf(file, path, 1, inside);
  return files.files;
}

const UNKNOWN = { flags: [], mode: null, owner: null, group: null, target: null } satisfies Partial<ListedFile>;

interface Outermost {
  files: Collector;
  limits: HarvestLimits;
  packedBytes: number;
}

async function membersOf(file: PackageFile, path: string, depth: number, outermost: Outermost): Promise<void> {
  const { files, limits, packedBytes } = outermost;
  if (depth > limits.maxDepth)
    throw new HarvestProblem('too-deep', `${shown(path)} is an archive more than ${limits.maxDepth} archives deep`);
  // Its own names are judged like those of every archive; where they lie is below the archive's.
  const members = new Collector({ limits, packedBytes, at: '/', usrMerged: false, spent: files.spent });
  await readZip(file, limits, {
    take: member => members.take(member),
    nested: (name, bytes) => membersOf(memoryOf(name, bytes), `${path}!/${name}`, depth + 1, outermost),
  });
  for (const each of members.files)
    if (each.kind === 'file') files.add({ ...each, kind: 'member', path: `${path}!${each.path}`, mode: null });
}

/** An archive that lies in another one, and is in memory. */
const memoryOf = (name: string, bytes: Buffer): PackageFile => ({
  name,
  bytes: bytes.length,
  async *read(from = 0, length = bytes.length - from) {
    yield bytes.subarray(from, from + length);
  },
  at: async (position, length) => {
    if (position < 0 || position + length > bytes.length) throw new RangeError('beyond the end');
    return bytes.subarray(position, position + length);
  },
});
