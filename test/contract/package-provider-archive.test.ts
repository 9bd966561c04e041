import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createArchivePackages } from '@tidemark/agent/platform/archive-package.ts';
import { packageProviderConformance } from '@tidemark/agent/platform/package.conformance.ts';
import type { ReleaseSource } from '@tidemark/agent/platform/package.ts';
import { type Header, pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

type Entry = Partial<Header> & { name: string } & { content?: string };

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack();
  for (const { content, ...header } of entries) tar.entry(header, content ?? '');
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const filesOf = (version: '1.0' | '1.1'): Entry[] => [
  { name: `shop-${version}/`, type: 'directory', mode: 0o755 },
  { name: `shop-${version}/bin/run`, content: `run ${version}`, mode: 0o755 },
  { name: `shop-${version}/${version === '1.0' ? 'old' : 'new'}`, content: 'x', mode: 0o640 },
  { name: `shop-${version}/latest`, type: 'symlink', linkname: 'bin/run' },
];

let base: string;
let home: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tidemark-archive-'));
  home = join(base, 'opt/shop');
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

function sourceOf(bytes: Buffer, version = '1.0'): ReleaseSource {
  const file = join(base, `${createHash('sha256').update(bytes).digest('hex')}.tar.gz`);
  writeFileSync(file, bytes);
  return { product: 'shop', version, home, file, sha256: createHash('sha256').update(bytes).digest() };
}

const archive = async (entries: readonly Entry[], version = '1.0') => sourceOf(gzipSync(await tarOf(entries)), version);

packageProviderConformance('archive', async () => {
  const archives = { '1.0': gzipSync(await tarOf(filesOf('1.0'))), '1.1': gzipSync(await tarOf(filesOf('1.1'))) };
  return {
    provider: createArchivePackages(),
    home,
    source: version => sourceOf(archives[version], version),
    truncated: version => sourceOf(archives[version].subarray(0, archives[version].length - 40), version),
    inUse: path => join(home, 'current', path),
    close: async () => undefined,
  };
});

describe('an archive', () => {
  const packages = createArchivePackages();

  it('keeps modes and links as they are', async () => {
    await packages.install(await archive(filesOf('1.0')));
    expect(statSync(join(home, 'current/bin/run')).mode & 0o777).toBe(0o755);
    expect(statSync(join(home, 'current/old')).mode & 0o777).toBe(0o640);
    expect(readFileSync(join(home, 'current/latest'), 'utf8')).toBe('run 1.0');
  });

  it.each<[string, Entry[], RegExp]>([
    ['a path out of it', [{ name: '../evil', content: 'x' }], /"\.\."/],
    ['an absolute path', [{ name: '/etc/evil', content: 'x' }], /absolute/],
    ['a link out of it', [{ name: 'a', type: 'symlink', linkname: '../../../etc' }], /points out of/],
    [
      'a file behind a link',
      [
        { name: 'a', type: 'symlink', linkname: '.' },
        { name: 'a/b', content: 'x' },
      ],
      /which is a symlink/,
    ],
    [
      'a hard link',
      [
        { name: 'a', content: 'x' },
        { name: 'b', type: 'link', linkname: 'a' },
      ],
      /hard link/,
    ],
    ['a device', [{ name: 'a', type: 'character-device', devmajor: 1, devminor: 3 }], /character device/],
    [
      'the same file twice',
      [
        { name: 'a', content: 'x' },
        { name: 'a', content: 'y' },
      ],
      /twice/,
    ],
  ])('with %s is refused by name, with nothing unpacked', async (_what, entries, words) => {
    await expect(packages.install(await archive([{ name: 'first', content: 'x' }, ...entries]))).rejects.toThrow(words);
    expect(readdirSync(join(home, 'releases'))).toEqual([]);
    expect(readdirSync(base).sort()).toEqual(expect.arrayContaining(['opt']));
    expect(readdirSync(join(base, 'opt'))).toEqual(['shop']);
  });

  it('cut off in its tar, with a whole gzip around it, is called truncated', async () => {
    const tar = await tarOf(filesOf('1.0'));
    // In the middle of a file, and just between two entries: there only the missing end mark tells.
    await expect(packages.install(sourceOf(gzipSync(tar.subarray(0, 1100))))).rejects.toThrow(/truncated/);
    await expect(packages.install(sourceOf(gzipSync(tar.subarray(0, 1536))))).rejects.toThrow(/truncated/);
    expect(readdirSync(join(home, 'releases'))).toEqual([]);
  });

  it('that is no archive is called that', async () => {
    await expect(packages.install(sourceOf(Buffer.from('no archive at all')))).rejects.toThrow(/no sound gzip file/);
    await expect(packages.install(sourceOf(gzipSync(Buffer.alloc(2048, 7))))).rejects.toThrow(/no sound tar file/);
  });

  it('that unpacks to far more than its size is refused before it fills the disk', async () => {
    const bomb = await archive([{ name: 'zeros', content: '\0'.repeat(80 * 1024 * 1024) }]);
    await expect(packages.install(bomb)).rejects.toThrow(/times its size/);
    expect(readdirSync(join(home, 'releases'))).toEqual([]);
  });

  it('is not installed where `current` is no link', async () => {
    mkdirSync(join(home, 'current'), { recursive: true });
    await expect(packages.install(await archive(filesOf('1.0')))).rejects.toThrow(/is no link/);
    expect(readdirSync(home)).toEqual(['current']);
  });
});
