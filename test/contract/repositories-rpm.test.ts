import { type RepositoryFiles, rpmRepository } from '@tidemark/controller/harvest/testing/repositories.ts';
import { describe, expect, it } from 'vitest';
import { fleetOf, HOUR, NOW, repositoryImports, rpm } from '../support/repository-imports.ts';

describe('a repository of rpm', () => {
  const on = repositoryImports();

  it('is taken by the signatures of its packages, or by that of its index', async () => {
    const fleet = fleetOf('shop 2.0-1');
    const rpms = { kind: 'rpm' as const, suite: '', fleet };
    const signed = [await rpm('shop', on.vendor)];
    const byPackage = await on.importing(await rpmRepository({ packages: signed, dated: NOW - HOUR }), {
      ...rpms,
      name: 'by package',
    });
    expect(byPackage.packages).toMatchObject([{ product: 'shop', version: '2.0-1', tier: 'vendor', source: 'rpm' }]);
    expect((await on.signatures.list())[0]?.attestations).toMatchObject([{ by: on.vendor.fingerprint, via: '' }]);
    await on.importing(await rpmRepository({ packages: signed, by: on.vendor, dated: NOW }), {
      ...rpms,
      name: 'by both',
    });
    expect((await on.signatures.list())[0]?.attestations.map(({ via }) => via).sort()).toEqual(['', 'by both']);
    const unsigned = [await rpm('lib', null)];
    const byIndex = await on.importing(await rpmRepository({ packages: unsigned, by: on.vendor, packing: '.zst' }), {
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
      async () => rpmRepository({ packages: [await rpm('shop', on.stranger)], by: on.vendor }),
      /^bad-signature: .*the package Packages\/shop\.rpm: .*which nobody has added.*key add FILE/,
    ],
    [
      'a stranger signed the index, whoever signed the package',
      async () => rpmRepository({ packages: [await rpm('shop', on.vendor)], by: on.stranger }),
      /^bad-signature: .*repomd\.xml/,
    ],
    [
      'the list is not what the index says',
      async () => {
        const files = await rpmRepository({ packages: [await rpm('shop', on.vendor)], by: on.vendor });
        const path = [...files.keys()].find(each => each.includes('primary')) ?? '';
        return files.set(path, Buffer.from('other'));
      },
      /^damaged: .*primary\.xml\.gz is not what the signed index says/,
    ],
    [
      'a package has a path upwards',
      async () =>
        rpmRepository({ packages: [{ ...(await rpm('shop', on.vendor)), path: '../shop.rpm' }], by: on.vendor }),
      /^bad-index: .*has the path "\.\.\/shop\.rpm", which has "\.\." in it/,
    ],
    ['it is none', async () => new Map(), /^bad-index: .*no rpm repository.*--suite/],
  ])('is refused where %s', async (_, make, expected) => {
    const refused = await on.refusalOf(await make(), { kind: 'rpm', suite: '', fleet: fleetOf('shop 2.0-1') });
    expect(refused).toMatch(expected);
    expect(await on.known()).toEqual([]);
  });

  it('is refused where it is older than the one seen before', async () => {
    const packages = [await rpm('shop', on.vendor)];
    const rpms = { kind: 'rpm' as const, suite: '', fleet: fleetOf('shop 2.0-1') };
    await on.importing(await rpmRepository({ packages, dated: NOW - HOUR }), rpms);
    expect(await on.refusalOf(await rpmRepository({ packages, dated: NOW - 2 * HOUR }), rpms)).toMatch(/^index-older/);
  });
});
