import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { HarvestProblem } from '../problem.ts';
import { memoryFile } from '../testing/packages.ts';
import { aptRepository, type RepositoryFiles, rpmRepository } from '../testing/repositories.ts';
import { type Vendor, vendorOf } from '../testing/vendor.ts';
import { readList, readTop } from './read.ts';

const POOL = [
  { product: 'shop', version: '1:2.0-1', architecture: 'amd64', path: 'pool/s/shop.deb', bytes: Buffer.from('shop') },
  { product: 'lib', version: '1', architecture: 'all', path: 'pool/l/lib.deb', bytes: Buffer.from('lib') },
];
const RPMS = POOL.map(each => ({ ...each, version: '2:1.0-1', path: each.path.replace('.deb', '.rpm') }));
const NOW = Date.UTC(2026, 10, 30, 12);

let vendor: Vendor;
let stranger: Vendor;
beforeAll(async () => {
  [vendor, stranger] = await Promise.all([vendorOf('Vendor'), vendorOf('Stranger')]);
});

const at = (files: RepositoryFiles, path: string) => memoryFile(files.get(path) ?? Buffer.alloc(0), path);
const release = (files: RepositoryFiles, keys = [vendor.armored]) =>
  readTop(at(files, 'dists/stable/InRelease'), { kind: 'release', signature: null, keys });
const repomd = (files: RepositoryFiles, keys = [vendor.armored]) =>
  readTop(at(files, 'repodata/repomd.xml'), {
    kind: 'repomd',
    signature: files.get('repodata/repomd.xml.asc') ?? null,
    keys,
  });
const list = (text: string, kind: 'packages' | 'primary', wanted: string[] | null = null) =>
  readList(memoryFile(Buffer.from(text), 'the list'), kind, wanted);

async function problem(reading: Promise<unknown>): Promise<string> {
  try {
    await reading;
    return 'taken';
  } catch (error) {
    if (error instanceof HarvestProblem) return `${error.code}: ${error.message}`;
    throw error;
  }
}

describe('the index of an apt repository', () => {
  it.each(['', '.gz', '.zst'] as const)('is read where its lists are Packages%s', async packing => {
    const files = await aptRepository({ packages: POOL, by: vendor, dated: NOW, validUntil: NOW + 1000, packing });
    const top = await release(files);
    expect(top).toMatchObject({
      name: 'Example stable',
      dated: NOW,
      validUntil: NOW + 1000,
      components: ['main'],
      architectures: ['amd64'],
      signedBy: { fingerprint: vendor.fingerprint, name: 'Vendor' },
      lists: [{ path: `main/binary-amd64/Packages${packing}` }],
    });
    const path = `dists/stable/main/binary-amd64/Packages${packing}`;
    expect(await readList(at(files, path), 'packages', null)).toMatchObject(
      POOL.map(({ bytes, ...each }) => ({ ...each, bytes: bytes.length })),
    );
    expect(await readList(at(files, path), 'packages', ['lib', 'none'])).toMatchObject([{ product: 'lib' }]);
  });

  it('is believed with its signature in a file beside it, and only then', async () => {
    const files = await aptRepository({ packages: POOL, by: vendor, detached: true });
    const top = (signature: Buffer | null) =>
      readTop(at(files, 'dists/stable/Release'), { kind: 'release', signature, keys: [vendor.armored] });
    expect((await top(files.get('dists/stable/Release.gpg') ?? null)).signedBy?.fingerprint).toBe(vendor.fingerprint);
    expect(await problem(top(null))).toMatch(/^signature: the signature of dists\/stable\/Release is not sound/);
    expect(await problem(top(await vendor.sign(Buffer.from('other'))))).toMatch(/^signature: .*not signed by a key/);
  });

  it('is not believed signed by a stranger, or changed after it was signed', async () => {
    const files = await aptRepository({ packages: POOL, by: stranger });
    expect(await problem(release(files))).toMatch(
      new RegExp(`^signature: .*made by key ${stranger.fingerprint.slice(-16)}, which nobody has added`),
    );
    const signed = await aptRepository({ packages: POOL, by: vendor });
    const text = signed.get('dists/stable/InRelease')?.toString() ?? '';
    signed.set('dists/stable/InRelease', Buffer.from(text.replace('Label: Example', 'Label: Other!!')));
    expect(await problem(release(signed))).toMatch(/^signature: /);
    // What stands around what was signed is nobody's word.
    signed.set('dists/stable/InRelease', Buffer.from(`Codename: evil\n${text}\nCodename: evil\n`));
    expect((await release(signed)).name).toBe('Example stable');
  });

  it.each<[string, (text: string) => string, RegExp]>([
    ['names no SHA-256', text => text.replace('SHA256:', 'SHA1:'), /weaker digests do not count/],
    ['names a list above it', text => text.replace('main/binary', '../main/binary'), /bad-path: .*"\.\." in it/],
    ['names a list by an address', text => text.replace('main/binary', 'http://x/binary'), /bad-path: .*absolute/],
    ['has no date that is one', text => text.replace(/Date: .*/, 'Date: soon'), /Date that is no time/],
    ['has a digest that is none', text => text.replace(/ [0-9a-f]{64} /, ' 00 '), /where a SHA-256 should be/],
  ])('is refused where it %s', async (_, change, expected) => {
    expect(await problem(release(await aptRepository({ packages: POOL, by: vendor, release: change })))).toMatch(
      expected,
    );
  });

  const ENTRY = `Package: a\nVersion: 1\nArchitecture: all\nFilename: pool/a.deb\nSize: 1\nSHA256: ${'0'.repeat(64)}\n`;
  it.each([
    ['a path upwards', ENTRY.replace('pool/', 'pool/../../'), /bad-path: the package "a" .*"\.\."/],
    ['an absolute path', ENTRY.replace('pool/', '/etc/'), /bad-path: .*absolute/],
    ['a path of nothing', ENTRY.replace('pool/a.deb', './'), /bad-path: .*which is none/],
    ['no digest', ENTRY.replace(/SHA256.*/, 'MD5sum: 0'), /not-sound: .*SHA-256/],
    ['a length that is none', ENTRY.replace('Size: 1', 'Size: 1e3'), /not-sound: .*length/],
    ['no version', ENTRY.replace('Version: 1\n', ''), /not-sound: .*lacks its version/],
    ['a field twice', ENTRY.replace('Size: 1', 'Size: 1\nSize: 2'), /duplicate: /],
    ['a line without end', 'Package: a'.padEnd(3_000_000, 'a'), /too-large: .*line/],
    ['half a package at its end', `${ENTRY}\nPackage: b\n`, /not-sound: the package "b"/],
  ])('is refused where a package has %s', async (_, text, expected) => {
    expect(await problem(list(text, 'packages'))).toMatch(expected);
  });

  it('knows nothing of packages that nobody asked for', async () => {
    expect(
      await list(`${ENTRY.replace('pool/', '../')}\n${ENTRY.replace('Package: a', 'Package: b')}`, 'packages', ['b']),
    ).toHaveLength(1);
    expect(await list('', 'packages')).toEqual([]);
  });
});

describe('the index of an rpm repository', () => {
  it.each(['', '.gz', '.zst'] as const)('is read where its list is primary.xml%s', async packing => {
    const files = await rpmRepository({ packages: RPMS, by: vendor, dated: NOW, packing });
    const top = await repomd(files);
    expect(top).toMatchObject({ dated: NOW, signedBy: { fingerprint: vendor.fingerprint } });
    const [primary] = top.lists;
    expect(await readList(at(files, primary?.path ?? ''), 'primary', null)).toMatchObject(
      RPMS.map(({ bytes, ...each }) => ({ ...each, bytes: bytes.length })),
    );
    expect(await readList(at(files, primary?.path ?? ''), 'primary', ['shop'])).toHaveLength(1);
  });

  it('may be signed by nobody, but not by a stranger', async () => {
    expect((await repomd(await rpmRepository({ packages: RPMS }))).signedBy).toBeNull();
    expect(await problem(repomd(await rpmRepository({ packages: RPMS, by: stranger })))).toMatch(/^signature: /);
  });

  it.each<[string, (text: string) => string, RegExp]>([
    ['names its list by SHA-1', text => text.replace('"sha256"', '"sha"'), /only sha256 counts/],
    [
      'names its list elsewhere',
      text => text.replace('href=', 'xml:base="http://x/" href='),
      /bad-path: .*not followed/,
    ],
    ['names its list above it', text => text.replace('href="', 'href="../'), /bad-path: .*"\.\."/],
    ['names no list', text => text.replace('"primary"', '"other"'), /names no list/],
    ['is cut', text => text.slice(0, 300), /not-sound: repomd\.xml is no sound XML/],
    ['has a document type', text => text.replace('<repomd', '<!DOCTYPE a [<!ENTITY a "b">]><repomd'), /document type/],
    ['uses an entity of its own', text => text.replace('<revision>', '<revision>&a;'), /no sound XML/],
  ])('is refused where it %s', async (_, change, expected) => {
    expect(await problem(repomd(await rpmRepository({ packages: RPMS, top: change })))).toMatch(expected);
  });

  it.each<[string, (text: string) => string, RegExp]>([
    ['a path upwards', text => text.replace('href="', 'href="../'), /bad-path: the package "shop" .*"\.\."/],
    ['a base elsewhere', text => text.replace('href=', 'xml:base="ftp://x" href='), /bad-path: .*not followed/],
    ['a digest by SHA-1', text => text.replace('type="sha256"', 'type="sha"'), /only sha256 counts/],
    ['no architecture', text => text.replace('<arch>amd64</arch>', ''), /lacks its version/],
    ['elements without end', text => text.replace('<format>', '<a>'.repeat(20)), /too-deep/],
  ])('is refused where a package has %s', async (_, change, expected) => {
    const files = await rpmRepository({ packages: RPMS, list: change, packing: '' });
    const path = [...files.keys()].find(name => name.includes('primary')) ?? '';
    expect(await problem(readList(at(files, path), 'primary', null))).toMatch(expected);
  });

  it('is refused where its bytes are no UTF-8', async () => {
    const bytes = Buffer.from('<a>\xff</a>', 'latin1');
    expect(await problem(readList(memoryFile(bytes, 'list'), 'primary', null))).toMatch(/no UTF-8/);
  });
});

describe('a list whose bytes were changed at random', () => {
  it.each(['packages', 'primary'] as const)('is read or refused by name, and nothing else happens (%s)', async kind => {
    const files = await (kind === 'packages'
      ? aptRepository({ packages: POOL, by: vendor, packing: '' })
      : rpmRepository({ packages: RPMS, packing: '' }));
    const whole = files.get([...files.keys()].find(name => /Packages|primary/.test(name)) ?? '') ?? Buffer.alloc(0);
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(whole.length), async (bytes, length) => {
        const changed = Buffer.from(whole.subarray(0, length));
        for (const [position, byte] of bytes) if (position < length) changed[position] = byte;
        await problem(readList(memoryFile(changed, 'the list'), kind, null));
      }),
      { numRuns: 300 },
    );
  });
});
