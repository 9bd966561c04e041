import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { crc32, deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';
import type { PackageFile } from '../harvested.ts';

/** A package in memory, which comes in pieces of `pieceBytes`. */
export function memoryFile(bytes: Uint8Array, name = 'package', pieceBytes = 64 * 1024): PackageFile {
  const whole = Buffer.from(bytes);
  return {
    name,
    bytes: whole.length,
    async *read(from = 0, length = whole.length - from) {
      for (let at = from; at < from + length; at += pieceBytes)
        yield whole.subarray(at, Math.min(at + pieceBytes, from + length));
    },
    at: async (position, length) => {
      if (position < 0 || position + length > whole.length) throw new RangeError('beyond the end');
      return whole.subarray(position, position + length);
    },
  };
}

export type TarEntry = Partial<Header> & { name: string; content?: string | Buffer };

export async function tarOf(entries: readonly TarEntry[]): Promise<Buffer> {
  const tar = pack();
  for (const { content, ...header } of entries)
    tar.entry({ mtime: new Date(0), uname: 'root', gname: 'root', ...header }, content ?? '');
  tar.finalize();
  return buffer(tar);
}

/** A tar of many files, sooner than a stream of them. All are empty. */
export function tarOfEmpty(names: readonly string[]): Buffer {
  const tar = Buffer.alloc(512 * (names.length + 2));
  for (const [at, name] of names.entries()) {
    const block = tar.subarray(at * 512, at * 512 + 512);
    block.write(name, 0, 'latin1');
    for (const [field, text] of [
      [100, '0000644'],
      [124, '00000000000'],
      [148, '        '],
      [156, '0'],
      [257, 'ustar'],
      [263, '00'],
    ] as const)
      block.write(text, field, 'latin1');
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  }
  return tar;
}

/** By the system's own programs where Node has none; null where they are not there. */
export function compressedBy(program: 'xz' | 'bzip2', bytes: Buffer): Buffer | null {
  const { status, stdout } = spawnSync(program, ['-c'], { input: bytes, maxBuffer: 2 ** 30 });
  return status === 0 ? stdout : null;
}

export const isThere = (program: string): boolean => !spawnSync(program, ['--version']).error;

export type Packing = '' | '.gz' | '.zst' | '.xz' | '.bz2';

export function packed(bytes: Buffer, packing: Packing): Buffer {
  if (packing === '') return bytes;
  if (packing === '.gz') return gzipSync(bytes);
  if (packing === '.zst') return zstdCompressSync(bytes);
  const made = compressedBy(packing === '.xz' ? 'xz' : 'bzip2', bytes);
  if (!made) throw new Error(`there is no program for ${packing}`);
  return made;
}

export function arOf(members: readonly (readonly [name: string, content: Buffer])[]): Buffer {
  const parts = members.flatMap(([name, content]) => [
    Buffer.from(
      `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(content.length).padEnd(10)}\`\n`,
    ),
    content,
    Buffer.from(content.length % 2 === 1 ? '\n' : ''),
  ]);
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}

export const CONTROL =
  'Package: shop\nVersion: 1:2.0-1\nArchitecture: amd64\nMaintainer: Ada <ada@example.invalid>\nDescription: shop\n all of it\n';

export interface DebContent {
  control?: string;
  conffiles?: string;
  /** By name: `postinst`. */
  scripts?: Readonly<Record<string, string>>;
  data: readonly TarEntry[];
  packing?: Packing;
}

export async function debOf({
  control = CONTROL,
  conffiles,
  scripts = {},
  data,
  packing = '.gz',
}: DebContent): Promise<Buffer> {
  const documents: TarEntry[] = [{ name: './control', content: control }];
  if (conffiles !== undefined) documents.push({ name: './conffiles', content: conffiles });
  for (const [name, content] of Object.entries(scripts)) documents.push({ name: `./${name}`, content, mode: 0o755 });
  return arOf([
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar.gz', gzipSync(await tarOf(documents))],
    [`data.tar${packing}`, packed(await tarOf(data), packing)],
  ]);
}

/* A writer of rpm headers, as small as the reader needs them. */

type Value = string | readonly string[] | readonly number[] | Buffer;

function headerOf(tags: Readonly<Record<number, Value>>, int16: readonly number[]): Buffer {
  const index: Buffer[] = [];
  const store: Buffer[] = [];
  let at = 0;
  for (const [tag, value] of Object.entries(tags)) {
    // rpm writes no tag without a value.
    if (value.length === 0) continue;
    const numbers = Array.isArray(value) && typeof value[0] === 'number' ? (value as readonly number[]) : null;
    const short = int16.includes(Number(tag));
    const type = Buffer.isBuffer(value) ? 7 : typeof value === 'string' ? 6 : numbers ? (short ? 3 : 4) : 8;
    const width = short ? 2 : 4;
    const bytes = Buffer.isBuffer(value)
      ? value
      : numbers
        ? Buffer.concat(
            numbers.map(each => {
              const number = Buffer.alloc(width);
              number.writeUIntBE(each, 0, width);
              return number;
            }),
          )
        : Buffer.from(
            [value]
              .flat()
              .map(each => `${each}\0`)
              .join(''),
            'latin1',
          );
    const padding = numbers ? (width - (at % width)) % width : 0;
    store.push(Buffer.alloc(padding), bytes);
    const entry = Buffer.alloc(16);
    const count = Buffer.isBuffer(value) ? value.length : typeof value === 'string' ? 1 : value.length;
    for (const [field, number] of [Number(tag), type, at + padding, count].entries())
      entry.writeUInt32BE(number, field * 4);
    index.push(entry);
    at += padding + bytes.length;
  }
  const intro = Buffer.alloc(16);
  intro.set([0x8e, 0xad, 0xe8, 0x01]);
  intro.writeUInt32BE(index.length, 8);
  intro.writeUInt32BE(at, 12);
  return Buffer.concat([intro, ...index, ...store]);
}

export interface RpmFile {
  path: string;
  content?: string;
  /** With the type: 0o100644. */
  mode?: number;
  flags?: number;
  verify?: number;
  target?: string;
}

export interface RpmContent {
  files: readonly RpmFile[];
  /** Digests of files by MD5, as rpm had them before 4.6. */
  weak?: boolean;
  /** Tags to put in place of others. */
  tags?: Readonly<Record<number, Value>>;
  signatureTags?: (header: Buffer) => Readonly<Record<number, Value>>;
}

export function cpioOf(files: readonly RpmFile[]): Buffer {
  const field = (value: number) => value.toString(16).padStart(8, '0');
  const member = (name: string, mode: number, content: Buffer, inode: number) => {
    const numbers = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, Buffer.byteLength(name) + 1, 0];
    const head = Buffer.from(`070701${numbers.map(field).join('')}${name}\0`);
    return Buffer.concat([
      head,
      Buffer.alloc((4 - (head.length % 4)) % 4),
      content,
      Buffer.alloc((4 - (content.length % 4)) % 4),
    ]);
  };
  const members = files
    .filter(({ flags = 0 }) => (flags & 64) === 0)
    .map(({ path, mode = 0o100644, content = '', target }, at) =>
      member(`.${path}`, mode, Buffer.from(target ?? content), at + 1),
    );
  return Buffer.concat([...members, member('TRAILER!!!', 0, Buffer.alloc(0), 0)]);
}

export function rpmOf({ files, weak = false, tags = {}, signatureTags }: RpmContent): Buffer {
  const payload = zstdCompressSync(cpioOf(files));
  const directories = [...new Set(files.map(({ path }) => path.slice(0, path.lastIndexOf('/') + 1)))];
  const isFile = ({ mode = 0o100644 }: RpmFile) => (mode & 0o170000) === 0o100000;
  const digest = (file: RpmFile) => (isFile(file) ? hash(weak ? 'md5' : 'sha256', file.content ?? '', 'hex') : '');
  const header = headerOf(
    {
      1000: 'shop',
      1001: '2.0',
      1002: '1',
      1011: 'Example',
      1022: 'x86_64',
      1028: files.map(file => (file.target ?? file.content ?? '').length),
      1030: files.map(({ mode = 0o100644 }) => mode),
      1035: files.map(digest),
      1036: files.map(({ target = '' }) => target),
      1037: files.map(({ flags = 0 }) => flags),
      1039: files.map(() => 'root'),
      1040: files.map(() => 'root'),
      1045: files.map(({ verify = 0xffffffff }) => verify),
      1116: files.map(({ path }) => directories.indexOf(path.slice(0, path.lastIndexOf('/') + 1))),
      1117: files.map(({ path }) => path.slice(path.lastIndexOf('/') + 1)),
      1118: directories,
      5011: [weak ? 1 : 8],
      5092: [hash('sha256', payload, 'hex')],
      5093: [8],
      ...tags,
    },
    [1030],
  );
  const signatures = headerOf({ 273: hash('sha256', header, 'hex'), ...signatureTags?.(header) }, []);
  const lead = Buffer.alloc(96);
  lead.set([0xed, 0xab, 0xee, 0xdb]);
  return Buffer.concat([lead, signatures, Buffer.alloc((8 - (signatures.length % 8)) % 8), header, payload]);
}

export interface ZipMember {
  name: string;
  content?: string | Buffer;
  /** With the type; 0 for an archive that was not made on Unix. */
  mode?: number;
  crc?: number;
  stored?: boolean;
}

export function zipOf(members: readonly ZipMember[]): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let at = 0;
  for (const { name, content = '', mode = 0, crc, stored = false } of members) {
    const bytes = Buffer.from(content);
    const packed = stored ? bytes : deflateRawSync(bytes);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(stored ? 0 : 8, 4);
    common.writeUInt32LE(crc ?? crc32(bytes), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name, 'latin1'), 22);
    const listed = Buffer.alloc(14);
    listed.writeUInt32LE((mode << 16) >>> 0, 6);
    listed.writeUInt32LE(at, 10);
    const text = Buffer.from(name, 'latin1');
    const here = Buffer.concat([Buffer.from('PK\x03\x04'), common, text, packed]);
    central.push(Buffer.concat([Buffer.from([0x50, 0x4b, 1, 2, 20, mode === 0 ? 0 : 3]), common, listed, text]));
    local.push(here);
    at += here.length;
  }
  const list = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...local, list, end]);
}
