import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debOf, type RpmContent, rpmOf } from '@tidemark/controller/harvest/testing/packages.ts';
import {
  aptRepository,
  type PoolPackage,
  type RepositoryFiles,
  rpmRepository,
} from '@tidemark/controller/harvest/testing/repositories.ts';
import { type Vendor, vendorOf } from '@tidemark/controller/harvest/testing/vendor.ts';
import { ImportRefused } from '@tidemark/controller/signatures/errors.ts';
import { importRepository, type RepositoryRequest } from '@tidemark/controller/signatures/import-repository.ts';
import type { InstalledPackages, RepositorySource } from '@tidemark/controller/signatures/ports.ts';
import { createSignatures } from '@tidemark/controller/signatures/service.ts';
import { signatureStore } from '@tidemark/controller/store/signatures.ts';
import { packageReader } from '@tidemark/controller/wiring/package-reader.ts';
import { digestOf } from '@tidemark/shared/base/digest.ts';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';

const openStore = testStores();
const NOW = Date.UTC(2026, 10, 30, 12);
const HOUR = 3_600_000;
const clock = { now: () => NOW, monotonic: () => 0 };

async function deb(product: string, version: string, more: Partial<PoolPackage> = {}): Promise<PoolPackage> {
  const bytes = await debOf({
    control: `Package: ${product}\nVersion: ${version}\nArchitecture: amd64\nMaintainer: A <a@example.invalid>\nDescription: x\n`,
    data: [{ name: `./usr/bin/${product}`, content: `${product} ${version}`, mode: 0o755 }],
  });
  return { product, version, architecture: 'amd64', path: `pool/${product}_${version}_amd64.deb`, bytes, ...more };
}

async function rpm(product: string, by: Vendor | null, content: Partial<RpmContent> = {}): Promise<PoolPackage> {
  const files = [{ path: `/usr/bin/${product}`, content: product, mode: 0o100755 }];
  const tags = { 1000: product, ...content.tags };
  let header: Buffer = Buffer.alloc(0);
  rpmOf({
    files,
    tags,
    signatureTags: bytes => {
      header = bytes;
      return {};
    },
  });
  const signature = await by?.sign(header);
  const bytes = rpmOf({ files, tags, signatureTags: () => (signature ? { 268: signature } : {}) });
  return { product, version: '2.0-1', architecture: 'x86_64', path: `Packages/${product}.rpm`, bytes };
}

/** What the fleet has: `name version`, of amd64 or x86_64. */
const fleetOf = (...packages: string[]): InstalledPackages => ({
  architectures: ['amd64'],
  versions: new Map(
    packages.map(each => {
      const [name = '', version = ''] = each.split(' ');
      return [name, new Set([`${version} amd64`, `${version} all`, `${version} x86_64`])];
    }),
  ),
});

describe('a repository', () => {
  let directory: string;
  let store: Awaited<ReturnType<typeof openStore>>;
  let signatures: ReturnType<typeof createSignatures>;
  let vendor: Vendor;
  let stranger: Vendor;
  let read: string[];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tm-repositories-'));
    [vendor, stranger] = await Promise.all([vendorOf('Vendor'), vendorOf('Stranger')]);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  beforeEach(async () => {
    store = await openStore();
    signatures = createSignatures({
      store: signatureStore(store),
      reader: packageReader,
      trustRoot: async () => null,
      clock,
    });
    await signatures.addKeys({ armored: vendor.armored, tier: 'vendor', by: 'root' });
    read = [];
  });

  const sourceOf = (files: RepositoryFiles): RepositorySource => ({
    read: async (path, _mostBytes, use) => {
      const bytes = files.get(path);
      if (!bytes) return null;
      read.push(path);
      const file = join(directory, `file-${Math.random()}`);
      writeFileSync(file, bytes);
      return use({ file, bytes: bytes.length, digest: digestOf(bytes) });
    },
  });

  const importing = (files: RepositoryFiles, more: Partial<RepositoryRequest> & { fleet?: InstalledPackages } = {}) => {
    const { fleet = fleetOf('shop 1.0', 'lib 2.0'), ...request } = more;
    return importRepository(
      {
        name: 'mirror stable',
        kind: 'apt',
        suite: 'stable',
        components: null,
        architectures: null,
        take: { of: 'installed' },
        except: [],
        allowOlder: false,
        by: 'grace',
        ...request,
      },
      {
        store: signatureStore(store),
        reader: packageReader,
        source: sourceOf(files),
        installed: async () => fleet,
        clock,
        progress: () => undefined,
        signal: new AbortController().signal,
      },
    );
  };
  const refusalOf = async (...given: Parameters<typeof importing>): Promise<string> => {
    try {
      await importing(...given);
      return 'taken';
    } catch (error) {
      if (error instanceof ImportRefused) return `${error.code}: ${error.message}`;
      throw error;
    }
  };
  const known = async () => (await signatures.list()).map(({ product, version }) => `${product} ${version}`).sort();
  const poolOf = async () => [
    await deb('shop', '1.0'),
    await deb('shop', '1.1'),
    await deb('lib', '2.0'),
    await deb('game', '1'),
  ];
  const packagesRead = () => read.filter(path => /\.(deb|rpm)$/.test(path)).sort();

  it('gives what the fleet has installed, vouched for by its signed index, and nothing else', async () => {
    const files = await aptRepository({ packages: await poolOf(), by: vendor, dated: NOW - HOUR });
    const imported = await importing(files, { fleet: fleetOf('shop 1.0', 'lib 2.0', 'shell 5.2') });
    expect(imported).toMatchObject({
      title: 'Example stable',
      dated: NOW - HOUR,
      signedBy: { fingerprint: vendor.fingerprint },
      absent: ['shell 5.2'],
    });
    expect(imported.packages.map(each => ({ ...each, package: '', bytes: 0 }))).toEqual(
      [
        ['shop', '1.0'],
        ['lib', '2.0'],
      ].map(([product, version]) => ({
        product,
        version,
        architecture: 'amd64',
        source: 'deb',
        files: 1,
        installedBytes: 8 - (product === 'lib' ? 1 : 0),
        tier: 'vendor',
        package: '',
        bytes: 0,
        unchanged: false,
      })),
    );
    expect(await known()).toEqual(['lib 2.0', 'shop 1.0']);
    const [lib] = await signatures.list();
    const index = files.get('dists/stable/InRelease') ?? Buffer.alloc(0);
    expect(lib?.attestations).toEqual([
      { tier: 'vendor', by: vendor.fingerprint, via: 'mirror stable', evidence: digestOf(index) },
    ]);
    expect(packagesRead()).toEqual(['pool/lib_2.0_amd64.deb', 'pool/shop_1.0_amd64.deb']);
    const [audit] = await store.db.execute<{ actor: string; subject: string; detail: string }>(
      sql`select actor, subject, detail from audit where action = 'signatures.repository'`,
    );
    expect(audit).toMatchObject({ actor: 'grace', subject: 'mirror stable' });
    expect(JSON.parse(audit?.detail ?? '')).toEqual({
      index: digestOf(index),
      signedBy: vendor.fingerprint,
      packages: 2,
      new: 2,
    });
  });

  it('is read again only where something is new, by digest', async () => {
    const packages = await poolOf();
    await importing(await aptRepository({ packages, by: vendor, dated: NOW - HOUR }));
    read = [];
    const later = await aptRepository({ packages, by: vendor, dated: NOW });
    const again = await importing(later, { fleet: fleetOf('shop 1.1', 'lib 2.0') });
    expect(again.packages.map(({ product, version, unchanged }) => [product, version, unchanged])).toEqual([
      ['shop', '1.1', false],
      ['lib', '2.0', true],
    ]);
    expect(packagesRead()).toEqual(['pool/shop_1.1_amd64.deb']);
  });

  it('is all or nothing, and the next attempt goes on from what was read', async () => {
    const packages = await poolOf();
    const whole = await aptRepository({ packages, by: vendor });
    const cut = new Map(whole).set('pool/lib_2.0_amd64.deb', Buffer.from('other'));
    expect(await refusalOf(cut)).toMatch(
      /^damaged: mirror stable: the package pool\/lib_2\.0_amd64\.deb: it is not what the index says: 5 bytes.*Nothing was kept.*--except lib/,
    );
    expect(await known()).toEqual([]);
    expect(await signatures.owners({ path: '/usr/bin/shop' })).toEqual([]);
    read = [];
    await importing(whole);
    expect(packagesRead()).toEqual(['pool/lib_2.0_amd64.deb']);
    expect(await known()).toEqual(['lib 2.0', 'shop 1.0']);
    // Nor is a bad one in the way of who does without it.
    expect(await refusalOf(cut, { take: { of: 'all' }, except: ['lib'] })).toBe('taken');
    expect(await known()).toEqual(['game 1', 'lib 2.0', 'shop 1.0', 'shop 1.1']);
  });

  it('forgets what was read for nobody, and only that', async () => {
    const packages = await poolOf();
    const whole = await aptRepository({ packages, by: vendor });
    await importing(whole, { take: { of: 'packages', names: ['game'] } });
    await refusalOf(new Map(whole).set('pool/lib_2.0_amd64.deb', Buffer.from('other')));
    const count = async () => {
      const [row] = await store.db.execute<{ lists: number; read: number }>(
        sql`select (select count(*)::int from file_lists) as lists, (select count(*)::int from read_packages) as read`,
      );
      return row;
    };
    expect(await count()).toEqual({ lists: 2, read: 1 });
    expect(await signatureStore(store).forgetRead(NOW)).toBe(0);
    expect(await signatureStore(store).forgetRead(NOW + 1)).toBe(1);
    expect(await count()).toEqual({ lists: 1, read: 0 });
    expect(await known()).toEqual(['game 1']);
  });

  it('is refused where its index is older than the one seen before, unless somebody says that it was put back', async () => {
    const packages = await poolOf();
    await importing(await aptRepository({ packages, by: vendor, dated: NOW - HOUR }));
    const older = await aptRepository({ packages, by: vendor, dated: NOW - 2 * HOUR });
    expect(await refusalOf(older)).toMatch(
      /^index-older: mirror stable: its index is of 2026-11-30T10:00:00Z, and one of 2026-11-30T11:00:00Z was seen before/,
    );
    // Another repository has a memory of its own.
    expect(await refusalOf(older, { name: 'other stable' })).toBe('taken');
    expect(await refusalOf(older, { allowOlder: true })).toBe('taken');
    expect(await refusalOf(older)).toBe('taken');
  });

  it.each<[string, (pool: PoolPackage[]) => Promise<RepositoryFiles>, RegExp]>([
    [
      'its index has expired',
      packages => aptRepository({ packages, by: vendor, validUntil: NOW - 1000 }),
      /^index-expired: mirror stable: its index was valid until 2026-11-30T11:59:59Z/,
    ],
    [
      'its index is of the day after tomorrow',
      packages => aptRepository({ packages, by: vendor, dated: NOW + 48 * HOUR }),
      /^index-early: .*set the clock/,
    ],
    [
      'a stranger signed its index',
      packages => aptRepository({ packages, by: stranger }),
      /^bad-signature: mirror stable: InRelease .*which nobody has added.*tidemark signatures key add FILE/,
    ],
    [
      'its index was changed',
      async packages => {
        const files = await aptRepository({ packages, by: vendor });
        const text = files.get('dists/stable/InRelease')?.toString() ?? '';
        return files.set('dists/stable/InRelease', Buffer.from(text.replace('Label: Example', 'Label: example')));
      },
      /^bad-signature: /,
    ],
    [
      'nobody signed its index',
      async packages => {
        const files = await aptRepository({ packages, by: vendor, detached: true });
        files.delete('dists/stable/Release.gpg');
        return files;
      },
      /^index-unsigned: .*nobody vouches for it/,
    ],
    [
      'its list is not what the index says',
      async packages => {
        const files = await aptRepository({ packages, by: vendor, packing: '' });
        const path = 'dists/stable/main/binary-amd64/Packages';
        const text = files.get(path)?.toString() ?? '';
        return files.set(path, Buffer.from(text.replace('Version: 1.0', 'Version: 1.1')));
      },
      /^damaged: mirror stable: dists\/stable\/main\/binary-amd64\/Packages is not what the signed index says/,
    ],
    [
      'its list is not there',
      async packages => {
        const files = await aptRepository({ packages, by: vendor });
        files.delete('dists/stable/main/binary-amd64/Packages.gz');
        return files;
      },
      /^bad-index: .*no dists\/stable\/main\/binary-amd64\/Packages\.gz, which its index names/,
    ],
    [
      'its list is a bomb',
      packages =>
        aptRepository({
          packages,
          by: vendor,
          list: () => `Package: a\nDescription: ${'a'.repeat(900_000)}\n\n`.repeat(110),
        }),
      /^bad-index: .*a bomb/,
    ],
    [
      'a package has a path upwards',
      packages => aptRepository({ packages, by: vendor, list: text => text.replace('pool/shop', '../pool/shop') }),
      /^bad-index: .*the package "shop" in the list has the path "\.\.\/pool/,
    ],
    [
      'a package is not there',
      async packages => {
        const files = await aptRepository({ packages, by: vendor });
        files.delete('pool/shop_1.0_amd64.deb');
        return files;
      },
      /^damaged: .*the package pool\/shop_1\.0_amd64\.deb: it is not there/,
    ],
    [
      'a package is another than its index says',
      async packages => aptRepository({ packages: [{ ...(packages[1] as PoolPackage), version: '1.0' }], by: vendor }),
      /^bad-package: .*the index calls its version 1\.0, the package itself 1\.1/,
    ],
    [
      'a package is none',
      () =>
        deb('shop', '1.0', { bytes: Buffer.from('no package') }).then(each =>
          aptRepository({ packages: [each], by: vendor }),
        ),
      /^bad-package: .*no package or archive/,
    ],
    [
      'a package itself has members with paths upwards',
      async () => {
        const bytes = await debOf({
          control: 'Package: shop\nVersion: 1.0\nArchitecture: amd64\n',
          data: [{ name: './../etc/passwd', content: 'root' }],
        });
        return aptRepository({ packages: [await deb('shop', '1.0', { bytes })], by: vendor });
      },
      /^bad-package: .*"\.\." in its path/,
    ],
    ['it has no such suite', async () => new Map(), /^index-unsigned: .*the suite stable in it\?/],
  ])('is refused where %s, and nothing of it is kept', async (_, make, expected) => {
    expect(await refusalOf(await make(await poolOf()))).toMatch(expected);
    expect(await known()).toEqual([]);
    const [row] = await store.db.execute<{ count: number }>(sql`select count(*)::int as count from repositories`);
    expect(row?.count).toBe(0);
  });

  it('is refused where the key that signed it was removed, also out of a keyring of which others stay', async () => {
    const both = Buffer.concat([vendor, stranger].map(each => each.keys));
    const lines = both.toString('base64').replace(/.{64}/g, '$&\n');
    const armored = `-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n${lines}\n-----END PGP PUBLIC KEY BLOCK-----\n`;
    const added = await signatures.addKeys({ armored, tier: 'repository', by: 'root' });
    expect(added.ok && added.value.map(({ fingerprint }) => fingerprint)).toEqual([
      vendor.fingerprint,
      stranger.fingerprint,
    ]);
    const files = await aptRepository({ packages: await poolOf(), by: stranger });
    expect(await refusalOf(files)).toBe('taken');
    await signatures.removeKey({ fingerprint: stranger.fingerprint, by: 'root' });
    expect(await refusalOf(files)).toMatch(
      new RegExp(`^bad-signature: .*the key ${stranger.fingerprint} that signed its index was removed.*key add`),
    );
  });

  it('is refused where nothing in it is asked for', async () => {
    const files = await aptRepository({ packages: await poolOf(), by: vendor });
    expect(await refusalOf(files, { fleet: { architectures: [], versions: new Map() } })).toMatch(
      /^nothing-chosen: .*no server has reported packages of dpkg yet/,
    );
    expect(await refusalOf(files, { components: ['universe'] })).toMatch(/^nothing-chosen: .*no component universe/);
    expect(await refusalOf(files, { architectures: ['s390x'] })).toMatch(/^nothing-chosen: .*for s390x; it has amd64/);
    expect(await refusalOf(files, { take: { of: 'packages', names: ['shop', 'shpo'] } })).toMatch(
      /^nothing-chosen: .*no package shpo/,
    );
  });

  it('of rpm is taken by the signatures of its packages, or by that of its index', async () => {
    const fleet = fleetOf('shop 2.0-1');
    const rpms = { kind: 'rpm' as const, suite: '', fleet };
    const signed = [await rpm('shop', vendor)];
    const byPackage = await importing(await rpmRepository({ packages: signed, dated: NOW - HOUR }), {
      ...rpms,
      name: 'by package',
    });
    expect(byPackage.packages).toMatchObject([{ product: 'shop', version: '2.0-1', tier: 'vendor', source: 'rpm' }]);
    expect((await signatures.list())[0]?.attestations).toMatchObject([{ by: vendor.fingerprint, via: '' }]);
    await importing(await rpmRepository({ packages: signed, by: vendor, dated: NOW }), { ...rpms, name: 'by both' });
    expect((await signatures.list())[0]?.attestations.map(({ via }) => via).sort()).toEqual(['', 'by both']);
    const unsigned = [await rpm('lib', null)];
    const byIndex = await importing(await rpmRepository({ packages: unsigned, by: vendor, packing: '.zst' }), {
      ...rpms,
      take: { of: 'all' },
    });
    expect(byIndex.packages).toMatchObject([{ product: 'lib', tier: 'vendor' }]);
  });

  it.each<[string, () => Promise<RepositoryFiles>, RegExp]>([
    [
      'nobody signed index or package',
      async () => rpmRepository({ packages: [await rpm('shop', null)] }),
      /^package-unsigned: .*shop\.rpm carries no signature/,
    ],
    [
      'a stranger signed the package, whoever signed the index',
      async () => rpmRepository({ packages: [await rpm('shop', stranger)], by: vendor }),
      /^bad-signature: .*the package Packages\/shop\.rpm: .*which nobody has added.*key add FILE/,
    ],
    [
      'a stranger signed the index, whoever signed the package',
      async () => rpmRepository({ packages: [await rpm('shop', vendor)], by: stranger }),
      /^bad-signature: .*repomd\.xml/,
    ],
    [
      'the list is not what the index says',
      async () => {
        const files = await rpmRepository({ packages: [await rpm('shop', vendor)], by: vendor });
        const path = [...files.keys()].find(each => each.includes('primary')) ?? '';
        return files.set(path, Buffer.from('other'));
      },
      /^damaged: .*primary\.xml\.gz is not what the signed index says/,
    ],
    [
      'a package has a path upwards',
      async () => rpmRepository({ packages: [{ ...(await rpm('shop', vendor)), path: '../shop.rpm' }], by: vendor }),
      /^bad-index: .*has the path "\.\.\/shop\.rpm", which has "\.\." in it/,
    ],
    ['it is none', async () => new Map(), /^bad-index: .*no rpm repository.*--suite/],
  ])('of rpm is refused where %s', async (_, make, expected) => {
    const refused = await refusalOf(await make(), { kind: 'rpm', suite: '', fleet: fleetOf('shop 2.0-1') });
    expect(refused).toMatch(expected);
    expect(await known()).toEqual([]);
  });

  it('of rpm is refused where it is older than the one seen before', async () => {
    const packages = [await rpm('shop', vendor)];
    const rpms = { kind: 'rpm' as const, suite: '', fleet: fleetOf('shop 2.0-1') };
    await importing(await rpmRepository({ packages, dated: NOW - HOUR }), rpms);
    expect(await refusalOf(await rpmRepository({ packages, dated: NOW - 2 * HOUR }), rpms)).toMatch(/^index-older/);
  });
});
