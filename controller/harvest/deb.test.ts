import { gzipSync } from 'node:zlib';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { harvestDeb } from './deb.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { HarvestProblem } from './problem.ts';
import {
  arOf,
  CONTROL,
  debOf,
  isThere,
  memoryFile,
  type Packing,
  packed,
  type TarEntry,
  tarOf,
  tarOfEmpty,
} from './testing/packages.ts';

const hex = (text: string | Buffer) => sha256(Buffer.from(text)).toString('hex');

const SHOP: TarEntry[] = [
  { name: './', type: 'directory' },
  { name: './bin/', type: 'directory' },
  { name: './bin/shop', mode: 0o4755, content: '\x7fELF shop' },
  { name: './etc/shop.conf', content: 'port=1\n', gname: 'adm', mode: 0o640 },
  { name: './usr/share/doc/shop/changelog.gz', content: 'x' },
  { name: './usr/lib/shop.so', type: 'symlink', linkname: '../../etc/alternatives/shop' },
  { name: './usr/bin/also', type: 'link', linkname: './bin/shop' },
];

const harvest = (bytes: Buffer, limits = DEFAULT_LIMITS, pieceBytes?: number) =>
  harvestDeb(memoryFile(bytes, 'shop.deb', pieceBytes), limits);

async function refusal(bytes: Buffer | Promise<Buffer>, limits = DEFAULT_LIMITS): Promise<string> {
  try {
    await harvest(await bytes, limits);
  } catch (error) {
    if (error instanceof HarvestProblem) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'taken';
}

describe('a Debian package', () => {
  it.each(['', '.gz', '.zst', '.xz', '.bz2'] as Packing[])('with data.tar%s is known file by file', async packing => {
    if (packing === '.xz' && !isThere('xz')) return console.warn('skipped: there is no xz here');
    if (packing === '.bz2' && !isThere('bzip2')) return console.warn('skipped: there is no bzip2 here');
    const found = await harvest(await debOf({ data: SHOP, conffiles: '/etc/shop.conf\n', packing }));
    expect(found).toMatchObject({
      source: 'deb',
      product: 'shop',
      version: '1:2.0-1',
      architecture: 'amd64',
      vendor: 'Ada <ada@example.invalid>',
    });
    expect(found.files.map(({ path, kind, mode, sha256, flags }) => [path, kind, mode, sha256, flags])).toEqual([
      ['/usr/bin', 'directory', 0o755, null, []],
      ['/usr/bin/shop', 'file', 0o4755, hex('\x7fELF shop'), []],
      ['/etc/shop.conf', 'file', 0o640, hex('port=1\n'), ['config']],
      ['/usr/share/doc/shop/changelog.gz', 'file', 0o644, hex('x'), ['doc']],
      ['/usr/lib/shop.so', 'symlink', null, null, []],
      ['/usr/bin/also', 'file', 0o4755, hex('\x7fELF shop'), []],
    ]);
    expect(found.files[1]).toMatchObject({ owner: 'root', group: 'root', size: 9 });
    expect(found.files[2]?.group).toBe('adm');
    expect(found.files[4]?.target).toBe('../../etc/alternatives/shop');
  });

  it('is the same whatever pieces it comes in', async () => {
    const bytes = await debOf({ data: [...SHOP, { name: './usr/lib/large', content: Buffer.alloc(300_000, 'tide') }] });
    const whole = await harvest(bytes);
    for (const piece of [1, 7, 511, 4096]) expect(await harvest(bytes, DEFAULT_LIMITS, piece)).toEqual(whole);
  });

  it('keeps names that are no UTF-8, and names of any length that a file system takes', async () => {
    const long = `./usr/share/${'a'.repeat(200)}/${'b'.repeat(250)}`;
    const found = await harvest(await debOf({ data: [{ name: long, content: 'x' }] }));
    expect(found.files[0]?.path).toBe(long.slice(1));
    const tar = await tarOf([{ name: './usr/ZZ', content: 'x' }]);
    tar[6] = 0xff;
    let sum = 0;
    tar.fill(' ', 148, 156);
    for (const byte of tar.subarray(0, 512)) sum += byte;
    tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    const control = gzipSync(await tarOf([{ name: './control', content: CONTROL }]));
    const odd = await harvest(
      arOf([
        ['debian-binary', Buffer.from('2.0\n')],
        ['control.tar.gz', control],
        ['data.tar', tar],
      ]),
    );
    expect(odd.files[0]?.path).toBe('/usr/\xffZ');
  });

  const data = (...entries: TarEntry[]): Promise<Buffer> => debOf({ data: entries });
  const members = async (part: Partial<Record<'format' | 'control' | 'data', [string, Buffer]>>) =>
    arOf([
      part.format ?? ['debian-binary', Buffer.from('2.0\n')],
      part.control ?? ['control.tar.gz', gzipSync(await tarOf([{ name: './control', content: CONTROL }]))],
      part.data ?? ['data.tar.gz', gzipSync(await tarOf(SHOP))],
    ]);

  it.each<[string, () => Promise<Buffer>, RegExp]>([
    ['is empty', async () => Buffer.alloc(0), /^truncated: the package/],
    ['is something else', async () => Buffer.from('<html>not found</html>'), /^not-sound: the package is no ar/],
    [
      'has another format',
      () => members({ format: ['debian-binary', Buffer.from('3.0\n')] }),
      /^unknown-format: .*3\.0/,
    ],
    [
      'has no control',
      () => members({ control: ['rubbish', Buffer.from('x')] }),
      /^not-sound: .*"rubbish" where control/,
    ],
    [
      'has a data that is no tar',
      () => members({ data: ['data.tar.gz', gzipSync(Buffer.alloc(1024, 'x'))] }),
      /^not-sound: .*checksum/,
    ],
    [
      'has a data that is no gzip',
      () => members({ data: ['data.tar.gz', Buffer.from('\x1f\x8brubbish', 'latin1')] }),
      /^not-sound: data\.tar\.gz is no sound gzip/,
    ],
    ['has an upward path', () => data({ name: './../etc/passwd', content: 'x' }), /^bad-path: .*"\.\."/],
    ['has an absolute path', () => data({ name: '/etc/passwd', content: 'x' }), /^bad-path: .*absolute/],
    [
      'has a link out',
      () => data({ name: './usr/a', type: 'symlink', linkname: '../../../etc' }),
      /^link-out: .*points out of \//,
    ],
    [
      'has a hard link to nothing',
      () => data({ name: './usr/a', type: 'link', linkname: './usr/b' }),
      /^link-out: the hard link/,
    ],
    ['has a device', () => data({ name: './dev/sda', type: 'block-device' }), /^bad-kind: .*device/],
    [
      'has a path twice',
      () => data({ name: './a', content: '1' }, { name: './a', content: '2' }),
      /^duplicate: .*"\/a" twice/,
    ],
    [
      'has a path twice after the merge',
      () => data({ name: './bin/a', content: '1' }, { name: './usr/bin/a', content: '2' }),
      /^duplicate/,
    ],
    [
      'has a file below a link',
      () => data({ name: './a', type: 'symlink', linkname: 'etc' }, { name: './a/b', content: '' }),
      /^bad-path: .*symlink/,
    ],
    [
      'has a file as a directory',
      () => data({ name: './a/b', content: '' }, { name: './a', content: 'x' }),
      /^duplicate: .*as a directory/,
    ],
    ['names no version', () => debOf({ control: 'Package: x\n', data: SHOP }), /^not-sound: the control file names no/],
    ['has a control that is none', () => debOf({ control: 'rubbish', data: SHOP }), /^not-sound: the line "rubbish"/],
    [
      'has no end',
      async () => members({ data: ['data.tar.gz', gzipSync((await tarOf(SHOP)).subarray(0, 1024))] }),
      /^truncated: .*no end/,
    ],
    [
      'goes on after its end',
      async () => members({ data: ['data.tar', Buffer.concat([await tarOf(SHOP), await tarOf(SHOP)])] }),
      /^not-sound: .*after its end/,
    ],
  ])('that %s is refused by name', async (_, make, expected) => {
    expect(await refusal(make())).toMatch(expected);
  });

  it('that was cut anywhere is refused', async () => {
    const bytes = await debOf({ data: SHOP });
    for (let length = 0; length < bytes.length - 1; length++)
      expect(await refusal(bytes.subarray(0, length))).toMatch(/^(truncated|not-sound): /);
  });

  it('that is a bomb is refused before it has unpacked', async () => {
    const bomb = async (packing: Packing) =>
      debOf({ data: [{ name: './usr/zeros', content: Buffer.alloc(4 * 2 ** 20) }], packing });
    const limits = { ...DEFAULT_LIMITS, ratioFreeBytes: 2 ** 20 };
    expect(await refusal(bomb('.gz'), limits)).toMatch(/^ratio: /);
    expect(await refusal(bomb('.zst'), limits)).toMatch(/^ratio: /);
    expect(await refusal(bomb(''), limits)).toBe('taken');
  });

  it('of 100,000 members is read, and one of more than may be is refused', async () => {
    const tar = tarOfEmpty(Array.from({ length: 100_000 }, (_, at) => `./usr/share/many/${at}`));
    const bytes = await members({ data: ['data.tar.zst', packed(tar, '.zst')] });
    expect((await harvest(bytes)).files).toHaveLength(100_000);
    expect(await refusal(bytes, { ...DEFAULT_LIMITS, maxMembers: 99_999 })).toMatch(/^too-many: .*99999/);
  });

  it('that anybody has changed a little is taken or refused by name, never anything else', async () => {
    const bytes = await debOf({ data: SHOP, conffiles: '/etc/shop.conf\n', packing: '' });
    const change = fc.record({ at: fc.nat(bytes.length - 1), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async changes => {
        const changed = Buffer.from(bytes);
        for (const { at, byte } of changes) changed[at] = byte;
        expect(await refusal(changed)).toMatch(/^(taken|[a-z-]+: .+)/);
      }),
      { numRuns: 400 },
    );
  });
});
