import { debOf } from '@tidemark/controller/harvest/testing/packages.ts';
import {
  aptRepository,
  type PoolPackage,
  type RepositoryFiles,
} from '@tidemark/controller/harvest/testing/repositories.ts';
import { signatureStore } from '@tidemark/controller/store/signatures.ts';
import { digestOf } from '@tidemark/shared/base/digest.ts';
import { sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { deb, fleetOf, HOUR, NOW, repositoryImports } from '../support/repository-imports.ts';

const poolOf = async () => [
  await deb('shop', '1.0'),
  await deb('shop', '1.1'),
  await deb('lib', '2.0'),
  await deb('game', '1'),
];

describe('a repository of apt', () => {
  const on = repositoryImports();

  it('gives what the fleet has installed, vouched for by its signed index, and nothing else', async () => {
    const files = await aptRepository({ packages: await poolOf(), by: on.vendor, dated: NOW - HOUR });
    const imported = await on.importing(files, { fleet: fleetOf('shop 1.0', 'lib 2.0', 'shell 5.2') });
    expect(imported).toMatchObject({
      title: 'Example stable',
      dated: NOW - HOUR,
      signedBy: { fingerprint: on.vendor.fingerprint },
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
    expect(await on.known()).toEqual(['lib 2.0', 'shop 1.0']);
    const [lib] = await on.signatures.list();
    const index = files.get('dists/stable/InRelease') ?? Buffer.alloc(0);
    expect(lib?.attestations).toEqual([
      { tier: 'vendor', by: on.vendor.fingerprint, via: 'mirror stable', evidence: digestOf(index) },
    ]);
    expect(on.packagesRead()).toEqual(['pool/lib_2.0_amd64.deb', 'pool/shop_1.0_amd64.deb']);
    const [audit] = await on.store.db.execute<{ actor: string; subject: string; detail: string }>(
      sql`select actor, subject, detail from audit where action = 'signatures.repository'`,
    );
    expect(audit).toMatchObject({ actor: 'grace', subject: 'mirror stable' });
    expect(JSON.parse(audit?.detail ?? '')).toEqual({
      index: digestOf(index),
      signedBy: on.vendor.fingerprint,
      packages: 2,
      new: 2,
    });
  });

  it('is read again only where something is new, by digest', async () => {
    const packages = await poolOf();
    await on.importing(await aptRepository({ packages, by: on.vendor, dated: NOW - HOUR }));
    on.read = [];
    const later = await aptRepository({ packages, by: on.vendor, dated: NOW });
    const again = await on.importing(later, { fleet: fleetOf('shop 1.1', 'lib 2.0') });
    expect(again.packages.map(({ product, version, unchanged }) => [product, version, unchanged])).toEqual([
      ['shop', '1.1', false],
      ['lib', '2.0', true],
    ]);
    expect(on.packagesRead()).toEqual(['pool/shop_1.1_amd64.deb']);
  });

  it('is all or nothing, and the next attempt goes on from what was read', async () => {
    const packages = await poolOf();
    const whole = await aptRepository({ packages, by: on.vendor });
    const cut = new Map(whole).set('pool/lib_2.0_amd64.deb', Buffer.from('other'));
    expect(await on.refusalOf(cut)).toMatch(
      /^damaged: mirror stable: the package pool\/lib_2\.0_amd64\.deb: it is not what the index says: 5 bytes.*Nothing was kept.*--except lib/,
    );
    expect(await on.known()).toEqual([]);
    expect(await on.signatures.owners({ path: '/usr/bin/shop' })).toEqual([]);
    on.read = [];
    await on.importing(whole);
    expect(on.packagesRead()).toEqual(['pool/lib_2.0_amd64.deb']);
    expect(await on.known()).toEqual(['lib 2.0', 'shop 1.0']);
    // Nor is a bad one in the way of who does without it.
    expect(await on.refusalOf(cut, { take: { of: 'all' }, except: ['lib'] })).toBe('taken');
    expect(await on.known()).toEqual(['game 1', 'lib 2.0', 'shop 1.0', 'shop 1.1']);
  });

  it('forgets what was read for nobody, and only that', async () => {
    const packages = await poolOf();
    const whole = await aptRepository({ packages, by: on.vendor });
    await on.importing(whole, { take: { of: 'packages', names: ['game'] } });
    await on.refusalOf(new Map(whole).set('pool/lib_2.0_amd64.deb', Buffer.from('other')));
    const count = async () => {
      const [row] = await on.store.db.execute<{ lists: number; read: number }>(
        sql`select (select count(*)::int from file_lists) as lists, (select count(*)::int from read_packages) as read`,
      );
      return row;
    };
    expect(await count()).toEqual({ lists: 2, read: 1 });
    expect(await signatureStore(on.store).forgetRead(NOW)).toBe(0);
    expect(await signatureStore(on.store).forgetRead(NOW + 1)).toBe(1);
    expect(await count()).toEqual({ lists: 1, read: 0 });
    expect(await on.known()).toEqual(['game 1']);
  });

  it('is refused where its index is older than the one seen before, unless somebody says that it was put back', async () => {
    const packages = await poolOf();
    await on.importing(await aptRepository({ packages, by: on.vendor, dated: NOW - HOUR }));
    const older = await aptRepository({ packages, by: on.vendor, dated: NOW - 2 * HOUR });
    expect(await on.refusalOf(older)).toMatch(
      /^index-older: mirror stable: its index is of 2026-11-30T10:00:00Z, and one of 2026-11-30T11:00:00Z was seen before/,
    );
    // Another repository has a memory of its own.
    expect(await on.refusalOf(older, { name: 'other stable' })).toBe('taken');
    expect(await on.refusalOf(older, { allowOlder: true })).toBe('taken');
    expect(await on.refusalOf(older)).toBe('taken');
  });

  it.each<[string, (pool: PoolPackage[]) => Promise<RepositoryFiles>, RegExp]>([
    [
      'its index has expired',
      packages => aptRepository({ packages, by: on.vendor, validUntil: NOW - 1000 }),
      /^index-expired: mirror stable: its index was valid until 2026-11-30T11:59:59Z/,
    ],
    [
      'its index is of the day after tomorrow',
      packages => aptRepository({ packages, by: on.vendor, dated: NOW + 48 * HOUR }),
      /^index-early: .*set the clock/,
    ],
    [
      'a stranger signed its index',
      packages => aptRepository({ packages, by: on.stranger }),
      /^bad-signature: mirror stable: InRelease .*which nobody has added.*tidemark signatures key add FILE/,
    ],
    [
      'its index was changed',
      async packages => {
        const files = await aptRepository({ packages, by: on.vendor });
        const text = files.get('dists/stable/InRelease')?.toString() ?? '';
        return files.set('dists/stable/InRelease', Buffer.from(text.replace('Label: Example', 'Label: example')));
      },
      /^bad-signature: /,
    ],
    [
      'nobody signed its index',
      async packages => {
        const files = await aptRepository({ packages, by: on.vendor, detached: true });
        files.delete('dists/stable/Release.gpg');
        return files;
      },
      /^index-unsigned: .*nobody vouches for it/,
    ],
    [
      'its list is not what the index says',
      async packages => {
        const files = await aptRepository({ packages, by: on.vendor, packing: '' });
        const path = 'dists/stable/main/binary-amd64/Packages';
        const text = files.get(path)?.toString() ?? '';
        return files.set(path, Buffer.from(text.replace('Version: 1.0', 'Version: 1.1')));
      },
      /^damaged: mirror stable: dists\/stable\/main\/binary-amd64\/Packages is not what the signed index says/,
    ],
    [
      'its list is not there',
      async packages => {
        const files = await aptRepository({ packages, by: on.vendor });
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
          by: on.vendor,
          list: () => `Package: a\nDescription: ${'a'.repeat(900_000)}\n\n`.repeat(110),
        }),
      /^bad-index: .*a bomb/,
    ],
    [
      'a package has a path upwards',
      packages => aptRepository({ packages, by: on.vendor, list: text => text.replace('pool/shop', '../pool/shop') }),
      /^bad-index: .*the package "shop" in the list has the path "\.\.\/pool/,
    ],
    [
      'a package is not there',
      async packages => {
        const files = await aptRepository({ packages, by: on.vendor });
        files.delete('pool/shop_1.0_amd64.deb');
        return files;
      },
      /^damaged: .*the package pool\/shop_1\.0_amd64\.deb: it is not there/,
    ],
    [
      'a package is another than its index says',
      async packages =>
        aptRepository({ packages: [{ ...(packages[1] as PoolPackage), version: '1.0' }], by: on.vendor }),
      /^bad-package: .*the index calls its version 1\.0, the package itself 1\.1/,
    ],
    [
      'a package is none',
      () =>
        deb('shop', '1.0', { bytes: Buffer.from('no package') }).then(each =>
          aptRepository({ packages: [each], by: on.vendor }),
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
        return aptRepository({ packages: [await deb('shop', '1.0', { bytes })], by: on.vendor });
      },
      /^bad-package: .*"\.\." in its path/,
    ],
    ['it has no such suite', async () => new Map(), /^index-unsigned: .*the suite stable in it\?/],
  ])('is refused where %s, and nothing of it is kept', async (_, make, expected) => {
    expect(await on.refusalOf(await make(await poolOf()))).toMatch(expected);
    expect(await on.known()).toEqual([]);
    const [row] = await on.store.db.execute<{ count: number }>(sql`select count(*)::int as count from repositories`);
    expect(row?.count).toBe(0);
  });

  it('is refused where the key that signed it was removed, also out of a keyring of which others stay', async () => {
    const both = Buffer.concat([on.vendor, on.stranger].map(each => each.keys));
    const lines = both.toString('base64').replace(/.{64}/g, '$&\n');
    const armored = `-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n${lines}\n-----END PGP PUBLIC KEY BLOCK-----\n`;
    const added = await on.signatures.addKeys({ armored, tier: 'repository', by: 'root' });
    expect(added.ok && added.value.map(({ fingerprint }) => fingerprint)).toEqual([
      on.vendor.fingerprint,
      on.stranger.fingerprint,
    ]);
    const files = await aptRepository({ packages: await poolOf(), by: on.stranger });
    expect(await on.refusalOf(files)).toBe('taken');
    await on.signatures.removeKey({ fingerprint: on.stranger.fingerprint, by: 'root' });
    expect(await on.refusalOf(files)).toMatch(
      new RegExp(`^bad-signature: .*the key ${on.stranger.fingerprint} that signed its index was removed.*key add`),
    );
  });

  it('is refused where nothing in it is asked for', async () => {
    const files = await aptRepository({ packages: await poolOf(), by: on.vendor });
    expect(await on.refusalOf(files, { fleet: { architectures: [], versions: new Map() } })).toMatch(
      /^nothing-chosen: .*no server has reported packages of dpkg yet/,
    );
    expect(await on.refusalOf(files, { components: ['universe'] })).toMatch(/^nothing-chosen: .*no component universe/);
    expect(await on.refusalOf(files, { architectures: ['s390x'] })).toMatch(
      /^nothing-chosen: .*for s390x; it has amd64/,
    );
    expect(await on.refusalOf(files, { take: { of: 'packages', names: ['shop', 'shpo'] } })).toMatch(
      /^nothing-chosen: .*no package shpo/,
    );
  });
});
