import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { harvest } from './harvest.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { isThere, memoryFile, type Packing, packed, tarOf, zipOf } from './testing/packages.ts';
import { NOTHING_SAID, refusal } from './testing/refusal.ts';

const hex = (text: string | Buffer) => sha256(Buffer.from(text)).toString('hex');
const at = { at: '/opt/shop' };

async function listed(bytes: Buffer, name: string, said = {}) {
  const { found } = await harvest(memoryFile(bytes, name), { ...NOTHING_SAID, ...at, ...said });
  return {
    ...found,
    files: found.files.map(({ path, kind, sha256, target, size }) => [path, kind, sha256 ?? target, size]),
  };
}

describe('a tar archive', () => {
  it.each(['', '.gz', '.zst', '.xz', '.bz2'] as Packing[])('packed as .tar%s is known file by file', async packing => {
    if (packing === '.xz' && !isThere('xz')) return console.warn('skipped: there is no xz here');
    if (packing === '.bz2' && !isThere('bzip2')) return console.warn('skipped: there is no bzip2 here');
    const tar = await tarOf([
      { name: 'bin/shop', content: 'run', mode: 0o755 },
      { name: 'bin/also', type: 'symlink', linkname: 'shop' },
      { name: 'größe.txt', content: '', pax: { path: 'größe.txt' } },
    ]);
    const found = await listed(packed(tar, packing), `shop-1.2.tar${packing}`);
    expect(found).toMatchObject({ source: 'tar', product: 'shop', version: '1.2', architecture: null });
    expect(found.files).toEqual([
      ['/opt/shop/bin/shop', 'file', hex('run'), 3],
      ['/opt/shop/bin/also', 'symlink', 'shop', 0],
      [`/opt/shop/${Buffer.from('größe.txt').toString('latin1')}`, 'file', hex(''), 0],
    ]);
  });

  it.each([
    ['--format=gnu'],
    ['--format=pax', '--sparse-version=0.0'],
    ['--format=pax', '--sparse-version=0.1'],
    ['--format=pax', '--sparse-version=1.0'],
  ])('of GNU tar with holes in its files (%s %s) has the digests of the files', async (...format) => {
    if (!spawnSync('tar', ['--version'], { encoding: 'utf8' }).stdout?.includes('GNU'))
      return console.warn('skipped: there is no GNU tar here');
    const directory = mkdtempSync(join(tmpdir(), 'tm-sparse-'));
    try {
      for (const [name, pieces] of [
        ['one', 1],
        ['many', 40],
        ['none', 0],
      ] as const) {
        const file = openSync(join(directory, name), 'w');
        ftruncateSync(file, 2_000_000);
        for (let piece = 0; piece < pieces; piece++) writeSync(file, `piece ${piece}`, piece * 49_152);
        closeSync(file);
      }
      const options = ['-C', directory, '-cSf', join(directory, 'x.tar'), ...format];
      const { status, stderr } = spawnSync('tar', [...options, 'one', 'many', 'none']);
      expect(stderr.toString()).toBe('');
      expect(status).toBe(0);
      const tar = readFileSync(join(directory, 'x.tar'));
      expect(tar.length).toBeLessThan(1_000_000);
      const found = await listed(tar, 'x-1.tar');
      for (const [at, name] of ['one', 'many', 'none'].entries()) {
        const content = readFileSync(join(directory, name));
        expect(found.files[at]).toEqual([`/opt/shop/${name}`, 'file', hex(content), content.length]);
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it.each<[string, Parameters<typeof tarOf>[0], RegExp]>([
    ['with a path upwards', [{ name: 'a/../../b', content: '' }], /^bad-path/],
    ['with an absolute path', [{ name: '/a', content: '' }], /^bad-path/],
    [
      'with an absolute link',
      [{ name: 'a', type: 'symlink', linkname: '/etc/passwd' }],
      /^link-out: .*not below \/opt\/shop/,
    ],
    ['with a link out', [{ name: 'a/b', type: 'symlink', linkname: '../../c' }], /^link-out/],
    ['with a link that comes back from outside', [{ name: 'a', type: 'symlink', linkname: '../shop/b' }], /^link-out/],
    ['with a FIFO', [{ name: 'a', type: 'fifo' }], /^bad-kind: .*fifo/],
    ['with nothing in it', [], /^not-sound: the package holds no file/],
  ])('%s is refused by name', async (_, entries, expected) => {
    expect(await refusal(tarOf(entries), { name: 'shop-1.tar', said: at })).toMatch(expected);
  });

  it('that does not say what it is, or where it lies, is refused', async () => {
    const tar = await tarOf([{ name: 'a', content: '' }]);
    expect(await refusal(tar, { name: 'latest.tar', said: at })).toMatch(/--product and --release-version/);
    expect(await refusal(tar, { name: 'shop-1.tar' })).toMatch(/--at DIRECTORY/);
    expect(await refusal(tar, { name: 'latest.tar', said: { ...at, product: 'shop', version: '1' } })).toBe('taken');
  });
});

describe('a zip archive', () => {
  it('is known file by file, and a jar in it by its members', async () => {
    const jar = zipOf([{ name: 'A.class', content: 'aaa' }]);
    const zip = zipOf([
      { name: 'bin/', mode: 0o040755 },
      { name: 'bin/shop', content: 'run', mode: 0o100755 },
      { name: 'lib/a.jar', content: jar, stored: true },
      { name: 'link', content: 'bin/shop', mode: 0o120777 },
    ]);
    const found = await listed(zip, 'shop-1.2.zip');
    expect(found.source).toBe('zip');
    expect(found.files).toEqual([
      ['/opt/shop/bin', 'directory', null, 0],
      ['/opt/shop/bin/shop', 'file', hex('run'), 3],
      ['/opt/shop/lib/a.jar', 'file', hex(jar), jar.length],
      ['/opt/shop/lib/a.jar!/A.class', 'member', hex('aaa'), 3],
      ['/opt/shop/link', 'symlink', 'bin/shop', 0],
    ]);
  });

  it('that is a war is one file, with its members and theirs', async () => {
    const jar = zipOf([{ name: 'A.class', content: 'aaa' }]);
    const war = zipOf([
      { name: 'WEB-INF/lib/a.jar', content: jar },
      { name: 'index.html', content: 'hi' },
    ]);
    const found = await listed(war, 'shop-3.war');
    expect(found).toMatchObject({ product: 'shop', version: '3' });
    expect(new Set(found.files)).toEqual(
      new Set([
        ['/opt/shop/shop-3.war', 'file', hex(war), war.length],
        ['/opt/shop/shop-3.war!/WEB-INF/lib/a.jar', 'member', hex(jar), jar.length],
        ['/opt/shop/shop-3.war!/WEB-INF/lib/a.jar!/A.class', 'member', hex('aaa'), 3],
        ['/opt/shop/shop-3.war!/index.html', 'member', hex('hi'), 2],
      ]),
    );
  });

  const nestedOf = (depth: number): Buffer => {
    let bytes = zipOf([{ name: 'x', content: 'x' }]);
    for (let left = depth; left > 0; left--) bytes = zipOf([{ name: 'n.jar', content: bytes }]);
    return bytes;
  };
  const zip = (...members: Parameters<typeof zipOf>[0][number][]) => zipOf(members);
  const small = { ...DEFAULT_LIMITS, ratioFreeBytes: 1024 };

  it.each<[string, Buffer, RegExp, typeof DEFAULT_LIMITS?]>([
    ['with a path upwards', zip({ name: '../a' }), /^bad-path/],
    ['with an absolute path', zip({ name: '/a' }), /^bad-path/],
    ['with a path twice', zip({ name: 'a' }, { name: 'a' }), /^duplicate/],
    ['with a damaged member', zip({ name: 'a', content: 'x', crc: 1 }), /^checksum: .*"a" is damaged/],
    ['with a link out', zip({ name: 'a', content: '/etc', mode: 0o120777 }), /^link-out/],
    ['with a socket', zip({ name: 'a', mode: 0o140777 }), /^bad-kind: .*socket/],
    ['that is a bomb', zip({ name: 'a', content: Buffer.alloc(2 ** 20) }), /^ratio/, small],
    [
      'with a bomb inside',
      zip({ name: 'a.jar', content: zip({ name: 'b', content: Buffer.alloc(2 ** 20) }) }),
      /^ratio/,
      small,
    ],
    ['of archives in archives', nestedOf(4), /^too-deep: .*3 archives deep/],
    [
      'with more members than may be',
      zip({ name: 'a' }, { name: 'b' }),
      /^too-many/,
      { ...DEFAULT_LIMITS, maxMembers: 1 },
    ],
  ])('%s is refused by name', async (_, bytes, expected, limits = DEFAULT_LIMITS) => {
    expect(await refusal(bytes, { name: 'shop-1.zip', said: at, limits })).toMatch(expected);
  });

  it('whose members share bytes is refused as a bomb', async () => {
    const sound = zip(
      { name: 'a', content: 'x'.repeat(100), stored: true },
      { name: 'b', content: 'x'.repeat(100), stored: true },
    );
    const list = sound.lastIndexOf(Buffer.from('PK\x01\x02'));
    sound.writeUInt32LE(20, list + 42);
    expect(await refusal(sound, { name: 'shop-1.zip', said: at })).toMatch(/^(ratio|not-sound): /);
  });

  it('that was cut or changed anywhere is taken or refused by name', async () => {
    const bytes = zipOf([
      { name: 'a.jar', content: nestedOf(1) },
      { name: 'b', content: 'bbb', mode: 0o100644 },
    ]);
    for (let length = 4; length < bytes.length; length++)
      expect(await refusal(bytes.subarray(0, length), { name: 'shop-1.zip', said: at })).toMatch(
        /^(truncated|not-sound): /,
      );
    const change = fc.record({ at: fc.integer({ min: 4, max: bytes.length - 1 }), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async changes => {
        const changed = Buffer.from(bytes);
        for (const { at, byte } of changes) changed[at] = byte;
        expect(await refusal(changed, { name: 'shop-1.zip', said: at })).toMatch(/^(taken|[a-z-]+: .+)/s);
      }),
      { numRuns: 300 },
    );
  });
});

describe('an image layout', () => {
  const layer = async (...entries: Parameters<typeof tarOf>[0][number][]) => packed(await tarOf(entries), '.gz');
  const blobs = (contents: readonly Buffer[]) =>
    contents.map(content => ({ name: `blobs/sha256/${hex(content)}`, content }));
  const described = (content: Buffer, mediaType: string, more = {}) => ({
    mediaType,
    digest: `sha256:${hex(content)}`,
    size: content.length,
    ...more,
  });

  async function layout(
    layers: readonly Buffer[],
    { platforms = ['amd64'], damage = (name: string, content: Buffer) => (name === '' ? content : content) } = {},
  ) {
    const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux' }));
    const manifest = Buffer.from(
      JSON.stringify({ config: described(config, 'config'), layers: layers.map(each => described(each, 'layer')) }),
    );
    const index = {
      schemaVersion: 2,
      manifests: platforms.map(architecture =>
        described(manifest, 'manifest', { platform: { architecture, os: 'linux' } }),
      ),
    };
    return tarOf([
      { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
      { name: 'index.json', content: JSON.stringify(index) },
      ...blobs([config, manifest, ...layers]).map(({ name, content }) => ({ name, content: damage(name, content) })),
    ]);
  }

  it('is what its layers make, one over the other', async () => {
    const image = await layout([
      await layer(
        { name: 'usr/bin/', type: 'directory' },
        { name: 'usr/bin/a', content: 'old' },
        { name: 'usr/bin/b', content: 'b' },
        { name: 'etc/x/one', content: '1' },
      ),
      await layer(
        { name: 'usr/bin/a', content: 'new' },
        { name: 'usr/bin/.wh.b', content: '' },
        { name: 'etc/x/.wh..wh..opq', content: '' },
        { name: 'etc/x/two', content: '2' },
      ),
    ]);
    const found = await listed(image, 'shop-1.tar', { at: null });
    expect(found).toMatchObject({ source: 'oci', product: 'shop', version: '1', architecture: 'amd64' });
    expect(found.files.map(([path, , digest]) => [path, digest])).toEqual([
      ['/usr/bin', null],
      ['/usr/bin/a', hex('new')],
      ['/etc/x/two', hex('2')],
    ]);
  });

  it('is refused where a blob is not what its digest says, or is not there, or one of several platforms is not chosen', async () => {
    const layers = [await layer({ name: 'a', content: 'a' })];
    const name = { name: 'shop-1.tar' };
    const damaged = await layout(layers, {
      damage: (each, content) => (each.endsWith(hex(layers[0] ?? '')) ? Buffer.from('damaged') : content),
    });
    expect(await refusal(damaged, name)).toMatch(/^checksum: the blob/);
    const lacking = await tarOf([
      { name: 'oci-layout', content: '{}' },
      { name: 'index.json', content: JSON.stringify({ manifests: [described(Buffer.from('x'), 'manifest')] }) },
    ]);
    expect(await refusal(lacking, name)).toMatch(/^truncated: .*lacks/);
    const two = await layout(layers, { platforms: ['amd64', 'arm64'] });
    expect(await refusal(two, name)).toMatch(/^not-sound: .*amd64, arm64.*--architecture/);
    expect(await refusal(two, { ...name, said: { architecture: 'arm64' } })).toBe('taken');
  });
});
