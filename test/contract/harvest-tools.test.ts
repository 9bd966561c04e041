import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { harvest } from '@tidemark/controller/harvest/harvest.ts';
import { memoryFile } from '@tidemark/controller/harvest/testing/packages.ts';
import { NOTHING_SAID } from '@tidemark/controller/harvest/testing/refusal.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/* What the systems' own tools make, read by our readers, against what the same tools unpack. */

const has = (program: string) => !spawnSync(program, ['--version']).error;

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 30 });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

const hex = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Paths with digest or target, of files and links below a directory. */
function contents(root: string): [string, string][] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map(name => [name, lstatSync(join(root, name))] as const)
    .filter(([, stat]) => !stat.isDirectory())
    .map(([name, stat]): [string, string] => [
      `/${name}`,
      stat.isSymbolicLink() ? readlinkSync(join(root, name)) : hex(readFileSync(join(root, name))),
    ])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

async function harvested(file: string): Promise<[string, string | null][]> {
  const { found } = await harvest(memoryFile(readFileSync(file), 'package'), NOTHING_SAID);
  return found.files
    .filter(({ kind, flags }) => kind !== 'directory' && !flags.includes('ghost'))
    .map(({ path, sha256, target }): [string, string | null] => [path, sha256 ?? target])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

describe('packages of the systems own tools', () => {
  let directory: string;
  let tree: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'tm-tools-'));
    tree = join(directory, 'tree');
    mkdirSync(join(tree, 'usr/bin'), { recursive: true });
    mkdirSync(join(tree, 'etc'));
    writeFileSync(join(tree, 'usr/bin/shop'), Buffer.alloc(3_000_000, 'a tide '));
    chmodSync(join(tree, 'usr/bin/shop'), 0o4755);
    writeFileSync(join(tree, 'etc/shop.conf'), 'port=1\n');
    writeFileSync(join(tree, `usr/bin/${'long'.repeat(60)}`), 'x');
    symlinkSync('shop', join(tree, 'usr/bin/also'));
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it.each(['gzip', 'xz', 'zstd', 'none'])('a .deb of dpkg-deb -Z%s', async compression => {
    if (!has('dpkg-deb')) return console.warn('skipped: there is no dpkg-deb here');
    const [source, deb, out] = ['source', 'shop.deb', 'out'].map(name => join(directory, `${compression}-${name}`)) as [
      string,
      string,
      string,
    ];
    run('cp', '-a', tree, source);
    mkdirSync(join(source, 'DEBIAN'));
    writeFileSync(
      join(source, 'DEBIAN/control'),
      'Package: shop\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.invalid>\nDescription: shop\n',
    );
    writeFileSync(join(source, 'DEBIAN/conffiles'), '/etc/shop.conf\n');
    run('dpkg-deb', `-Z${compression}`, '--build', source, deb);
    run('dpkg-deb', '-x', deb, out);
    expect(await harvested(deb)).toEqual(contents(out));
    const { found } = await harvest(memoryFile(readFileSync(deb)), NOTHING_SAID);
    expect(found.files.filter(({ flags }) => flags.includes('config')).map(({ path }) => path)).toEqual([
      '/etc/shop.conf',
    ]);
    expect(found.files.find(({ path }) => path === '/usr/bin/shop')?.mode).toBe(0o4755);
  });

  it.each([
    ['w19.zstdio', '8'],
    ['w6.xzdio', '8'],
    ['w6.gzdio', '1'],
    ['w6.bzdio', '8'],
  ])('an .rpm of rpmbuild with payload %s and digests of kind %s', async (payload, digest) => {
    if (!has('rpmbuild')) return console.warn('skipped: there is no rpmbuild here');
    const top = join(directory, `rpm-${payload}-${digest}`);
    mkdirSync(top);
    writeFileSync(
      join(top, 'shop.spec'),
      `Name: shop\nEpoch: 2\nVersion: 1\nRelease: 3\nSummary: shop\nLicense: MIT\nBuildArch: noarch\n%description\nshop\n%install\ncp -a ${tree}/. %{buildroot}/\n%files\n%config(noreplace) /etc/shop.conf\n%attr(4755, root, root) /usr/bin/shop\n/usr/bin/also\n/usr/bin/long*\n%ghost /var/log/shop.log\n`,
    );
    const defines = [
      `_topdir ${top}`,
      `_binary_payload ${payload}`,
      `_binary_filedigest_algorithm ${digest}`,
      '_build_id_links none',
      '__os_install_post %{nil}',
    ];
    run('rpmbuild', '-bb', '--quiet', ...defines.flatMap(each => ['--define', each]), join(top, 'shop.spec'));
    const rpm = join(top, 'RPMS/noarch/shop-1-3.noarch.rpm');
    expect(existsSync(rpm)).toBe(true);
    expect(await harvested(rpm)).toEqual(contents(tree));
    const { found } = await harvest(memoryFile(readFileSync(rpm)), NOTHING_SAID);
    expect(found).toMatchObject({ product: 'shop', version: '2:1-3', architecture: 'noarch' });
    const flags = Object.fromEntries(found.files.map(file => [file.path, file.flags]));
    expect(flags).toMatchObject({
      '/etc/shop.conf': ['config'],
      '/usr/bin/shop': [],
      '/var/log/shop.log': ['ghost', 'no-verify'],
    });
  });
});
