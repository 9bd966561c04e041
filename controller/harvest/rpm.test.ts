import { sha256 } from '@tidemark/shared/base/digest.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from './limits.ts';
import { harvestRpm } from './rpm.ts';
import { memoryFile, type RpmContent, type RpmFile, rpmOf } from './testing/packages.ts';
import { refusal } from './testing/refusal.ts';

const hex = (text: string) => sha256(Buffer.from(text)).toString('hex');

const SHOP: RpmFile[] = [
  { path: '/usr/bin/shop', content: '\x7fELF shop', mode: 0o104755 },
  { path: '/etc/shop.conf', content: 'port=1\n', flags: 1 | 16 },
  { path: '/lib/shop.so', mode: 0o120777, target: '../usr/lib/real.so' },
  { path: '/var/lib/shop', mode: 0o040700 },
  { path: '/var/log/shop.log', flags: 64, content: '' },
  { path: '/var/lib/shop/state', content: 'x', verify: 0xfffffffe },
  { path: '/usr/share/doc/shop/README', content: 'read', flags: 2 },
];

describe('an rpm package', () => {
  it('may bring no file: a name that others ask for', async () => {
    expect(await refusal(rpmOf({ files: [] }))).toBe('taken');
  });

  it.each([false, true])('is known file by file; with weak digests: %s', async weak => {
    const found = await harvestRpm(memoryFile(rpmOf({ files: SHOP, weak })), DEFAULT_LIMITS);
    expect(found).toMatchObject({
      source: 'rpm',
      product: 'shop',
      version: '2.0-1',
      architecture: 'x86_64',
      vendor: 'Example',
      signed: null,
    });
    expect(
      found.files.map(({ path, kind, mode, sha256, target, flags }) => [path, kind, mode, sha256 ?? target, flags]),
    ).toEqual(
      [
        ['/usr/bin/shop', 'file', 0o4755, hex('\x7fELF shop'), []],
        ['/etc/shop.conf', 'file', 0o644, hex('port=1\n'), ['config']],
        ['/lib/shop.so', 'symlink', null, '../usr/lib/real.so', []],
        ['/var/lib/shop', 'directory', 0o700, null, []],
        ['/var/log/shop.log', 'file', 0o644, null, ['ghost']],
        ['/var/lib/shop/state', 'file', 0o644, hex('x'), ['no-verify']],
        ['/usr/share/doc/shop/README', 'file', 0o644, hex('read'), ['doc']],
      ].map(row => (row[0] === '/lib/shop.so' ? ['/usr/lib/shop.so', ...row.slice(1)] : row)),
    );
  });

  it('has its epoch before its version, and the bytes that its vendor signed', async () => {
    const bytes = rpmOf({ files: SHOP, tags: { 1003: [7] }, signatureTags: () => ({ 268: Buffer.from('signature') }) });
    const found = await harvestRpm(memoryFile(bytes), DEFAULT_LIMITS);
    expect(found.version).toBe('7:2.0-1');
    expect(found.signed?.signature).toEqual(Buffer.from('signature'));
    expect(bytes.includes(found.signed?.bytes ?? 'none')).toBe(true);
  });

  const other = (content: Partial<RpmContent>) => rpmOf({ files: SHOP, ...content });

  it.each<[string, Buffer, RegExp]>([
    ['whose header was changed', other({ signatureTags: () => ({ 273: 'f'.repeat(64) }) }), /^checksum: the header/],
    ['whose payload was changed', other({ tags: { 5092: ['f'.repeat(64)] } }), /^checksum: the payload/],
    ['that names no version', other({ tags: { 1001: '' } }), /^not-sound: .*version/],
    ['with a path upwards', other({ tags: { 1118: ['/../etc/'], 1116: SHOP.map(() => 0) } }), /^bad-path: .*"\.\."/],
    ['with a link out', other({ files: [{ path: '/a', mode: 0o120777, target: '../b' }] }), /^link-out/],
    ['with a device', other({ files: [{ path: '/dev/a', mode: 0o060600 }] }), /^bad-kind/],
    ['with a path twice', other({ files: [{ path: '/a' }, { path: '/a' }] }), /^duplicate/],
    ['with more digests than files', other({ tags: { 1035: ['', ''] } }), /^not-sound: .*2 digests for 7/],
    ['with a digest that is none', other({ tags: { 1035: SHOP.map(() => 'abc') } }), /^not-sound: .*digest/],
    ['whose directories are not there', other({ tags: { 1116: SHOP.map(() => 9) } }), /^not-sound: .*directory/],
    [
      'whose payload lacks a file',
      other({ weak: true, tags: { 1117: SHOP.map((_, at) => `x${at}`) } }),
      /^not-sound: the payload lacks/,
    ],
  ])('%s is refused by name', async (_, bytes, expected) => {
    expect(await refusal(bytes)).toMatch(expected);
  });

  it('that was cut anywhere is refused', async () => {
    const bytes = rpmOf({ files: SHOP });
    for (let length = 4; length < bytes.length; length += 3)
      expect(await refusal(bytes.subarray(0, length))).toMatch(/^(truncated|checksum|not-sound): /);
  });

  it.each([false, true])('that anybody has changed a little is taken or refused by name; weak: %s', async weak => {
    const bytes = rpmOf({ files: SHOP, weak, tags: weak ? { 5093: [1] } : {} });
    const change = fc.record({ at: fc.integer({ min: 96, max: bytes.length - 1 }), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async changes => {
        const changed = Buffer.from(bytes);
        for (const { at, byte } of changes) changed[at] = byte;
        expect(await refusal(changed)).toMatch(/^(taken|[a-z-]+: .+)/s);
      }),
      { numRuns: 300 },
    );
  });
});
