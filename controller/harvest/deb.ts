import { Collector } from './collector.ts';
import { parseParagraphs } from './control.ts';
import { decompressed } from './decompress.ts';
import { isDocumentation } from './documentation.ts';
import type { Harvested, PackageFile } from './harvested.ts';
import { type HarvestLimits, mostUnpackedBytes } from './limits.ts';
import { generatedBy } from './maintainer-scripts.ts';
import { HarvestProblem, shown } from './problem.ts';
import { StreamReader } from './stream-reader.ts';
import { TarReader } from './tar.ts';

/*
 * deb(5): an ar archive of `debian-binary`, `control.tar*` and `data.tar*` in this order. Like dpkg, members whose name
 * begins with an underscore are passed over, and so is everything behind the data.
 */

const AR_MAGIC = '!<arch>\n';
const HEADER_BYTES = 60;

interface ArMember {
  name: string;
  bytes: number;
}

/** Reads a Debian package as a stream. Throws a {@link HarvestProblem} for one that is not sound. */
export async function harvestDeb(file: PackageFile, limits: HarvestLimits): Promise<Harvested> {
  const reader = new StreamReader(file.read());
  if ((await reader.exact(AR_MAGIC.length, 'the package')).toString('latin1') !== AR_MAGIC)
    throw new HarvestProblem('not-sound', 'the package is no ar archive');
  const format = await nextMember(reader, file.bytes, 'debian-binary');
  if (format.name !== 'debian-binary') throw wrongMember(format, 'debian-binary');
  const version = (await reader.exact(checkedLength(format, 64), 'debian-binary')).toString('latin1');
  if (!version.startsWith('2.'))
    throw new HarvestProblem('unknown-format', `the package has format ${shown(version.trim())}; 2.0 is known`);
  await padding(reader, format);

  const control = await nextMember(reader, file.bytes, 'control.tar');
  if (!/^control\.tar(\.(gz|xz|zst))?$/.test(control.name)) throw wrongMember(control, 'control.tar');
  const documents = await readControl(reader.take(control.bytes, 'control.tar'), control.bytes, limits);
  await padding(reader, control);

  const data = await nextMember(reader, file.bytes, 'data.tar');
  if (!/^data\.tar(\.(gz|xz|zst|bz2))?$/.test(data.name)) throw wrongMember(data, 'data.tar');
  const files = new Collector({ limits, packedBytes: file.bytes, at: '/', usrMerged: true });
  const tar = new TarReader(member => files.take(member), limits.maxHeaderBytes);
  const most = mostUnpackedBytes(limits, file.bytes) + limits.maxMembers * 1024;
  for await (const chunk of decompressed(reader.take(data.bytes, data.name), { what: data.name, most }))
    tar.push(chunk);
  tar.end();
  // Whole to its last byte: a package that was cut behind its data is not the one that was signed.
  for await (const _ of reader.rest());

  const [fields] = parseParagraphs(documents.get('control') ?? '');
  const [product, packageVersion] = [fields?.get('package'), fields?.get('version')];
  if (!product || !packageVersion)
    throw new HarvestProblem('not-sound', 'the control file names no package or no version');
  for (const conffile of conffilesOf(documents.get('conffiles') ?? '')) files.flag(conffile, 'config');
  for (const each of files.files) if (each.kind === 'file' && isDocumentation(each.path)) each.flags.push('doc');
  for (const each of generatedBy(SCRIPTS.map(script => documents.get(script) ?? '')))
    if (!files.has(each.path)) files.add(each);
  return {
    source: 'deb',
    product,
    version: packageVersion,
    architecture: fields?.get('architecture') ?? null,
    vendor: fields?.get('maintainer') ?? null,
    files: files.files,
  };
}

async function nextMember(reader: StreamReader, packageBytes: number, what: string): Promise<ArMember> {
  for (;;) {
    const header = (await reader.exact(HEADER_BYTES, `the ar header of ${what}`)).toString('latin1');
    const size = header.slice(48, 58).trim();
    if (header.slice(58) !== '`\n' || !/^\d+$/.test(size))
      throw new HarvestProblem('not-sound', `the ar header before ${what} is not sound`);
    // Some writers end names with a slash.
    const member = { name: header.slice(0, 16).trim().replace(/\/$/, ''), bytes: Number(size) };
    if (reader.position + member.bytes > packageBytes)
      throw new HarvestProblem(
        'truncated',
        `the package is truncated: ${member.name} should have ${member.bytes} bytes`,
      );
    if (!member.name.startsWith('_')) return member;
    await reader.skip(member.bytes, member.name);
    await padding(reader, member);
  }
}

async function padding(reader: StreamReader, { bytes, name }: ArMember): Promise<void> {
  if (bytes % 2 === 1 && !(await reader.atEnd())) await reader.skip(1, name);
}

function checkedLength({ bytes, name }: ArMember, most: number): number {
  if (bytes > most) throw new HarvestProblem('too-large', `${name} has ${bytes} bytes`);
  return bytes;
}

const SCRIPTS = ['preinst', 'postinst'];
const WANTED = new Set(['control', 'conffiles', ...SCRIPTS]);

/** The documents of the package by name. */
async function readControl(
  packed: AsyncIterable<Buffer>,
  bytes: number,
  limits: HarvestLimits,
): Promise<Map<string, string>> {
  const documents = new Map<string, string>();
  const tar = new TarReader(({ path, type, size }) => {
    const name = path.replace(/^(\.\/)+/, '');
    if (type !== 'file' || !WANTED.has(name)) return null;
    if (documents.has(name)) throw new HarvestProblem('duplicate', `the package has its ${name} twice`);
    if (size > limits.maxHeaderBytes) throw new HarvestProblem('too-large', `${name} has ${size} bytes`);
    const parts: Buffer[] = [];
    documents.set(name, '');
    return {
      data: chunk => parts.push(chunk),
      end: () => documents.set(name, Buffer.concat(parts).toString('latin1')),
    };
  }, limits.maxHeaderBytes);
  const most = Math.min(mostUnpackedBytes(limits, bytes), 4 * limits.maxHeaderBytes);
  for await (const chunk of decompressed(packed, { what: 'control.tar', most })) tar.push(chunk);
  tar.end();
  return documents;
}

/** deb-conffiles(5): a path a line; a flag may stand before it, and then the package takes the file away. */
const conffilesOf = (text: string): string[] =>
  text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line.startsWith('/'));

const wrongMember = ({ name }: ArMember, wanted: string) =>
  new HarvestProblem('not-sound', `the package has ${shown(name)} where ${wanted} should be`);
