import { describe, expect, it } from 'vitest';
import type { IndexedPackage } from '../harvest/repository/records.ts';
import { checkAge, chosenLists, selected } from './decide-repository.ts';

const NOW = Date.UTC(2026, 10, 30);
const HOUR = 3_600_000;

describe('the age of a repository', () => {
  const age = (
    dated: number | null,
    more: { validUntil?: number; seen?: number | null; allowOlder?: boolean } = {},
  ) => {
    const checked = checkAge({
      name: 'mirror',
      top: { dated, validUntil: more.validUntil ?? null },
      seen: more.seen === undefined ? null : { dated: more.seen },
      allowOlder: more.allowOlder ?? false,
      now: NOW,
    });
    return checked.ok ? 'taken' : checked.error.code;
  };
  it.each([
    [age(NOW), 'taken', 'of now'],
    [age(null), 'taken', 'that says none'],
    [age(NOW, { validUntil: NOW }), 'taken', 'valid until now'],
    [age(NOW, { validUntil: NOW - 1 }), 'index-expired', 'valid until just now'],
    [
      age(NOW, { validUntil: NOW - 1, allowOlder: true }),
      'index-expired',
      'expired, also where older ones are allowed',
    ],
    [age(NOW + 24 * HOUR), 'taken', 'by a clock that is a day ahead'],
    [age(NOW + 25 * HOUR), 'index-early', 'of the day after tomorrow'],
    [age(NOW, { seen: NOW }), 'taken', 'as seen before'],
    [age(NOW - 1, { seen: NOW }), 'index-older', 'older than the one before'],
    [age(null, { seen: NOW }), 'index-older', 'without one where there was one before'],
    [age(NOW - 1, { seen: null }), 'taken', 'where the one before had none'],
    [age(NOW - 1, { seen: NOW, allowOlder: true }), 'taken', 'older, where that is said to be right'],
  ])('%s, it is %s: %s', (found, expected) => {
    expect(found).toBe(expected);
  });
});

describe('the lists of a repository', () => {
  const top = (...paths: string[]) => ({
    lists: paths.map(path => ({ path, bytes: path.includes('empty') ? 0 : 1, sha256: '' })),
    components: ['main', 'contrib'],
    architectures: ['amd64', 'arm64'],
  });
  const chosen = (
    paths: string[],
    { components = null, architectures = null }: Partial<Parameters<typeof chosenLists>[1]> = {},
  ) => {
    const lists = chosenLists(top(...paths), { components, architectures });
    return lists.ok ? lists.value.map(({ path }) => path) : lists.error.message;
  };
  const AMD = 'main/binary-amd64/Packages';
  const ARM = 'main/binary-arm64/Packages';

  it('are each read in the form that is smallest to get', () => {
    expect(chosen([AMD, `${AMD}.gz`, `${AMD}.xz`, `${ARM}.gz`, ARM])).toEqual([`${AMD}.xz`, `${ARM}.gz`]);
    expect(chosen([`${AMD}.bz2`, AMD])).toEqual([AMD]);
  });

  it('are those of the components and architectures that were asked for, and of no architecture', () => {
    const paths = [AMD, ARM, 'contrib/binary-amd64/Packages', 'main/binary-all/Packages'];
    expect(chosen(paths, { components: ['main'], architectures: ['amd64'] })).toEqual([
      AMD,
      'main/binary-all/Packages',
    ]);
    expect(chosen(paths)).toEqual(paths);
    expect(chosen(paths, { components: ['universe'] })).toBe(
      'there is no component universe in it; it has main, contrib',
    );
    expect(chosen([AMD], { architectures: ['s390x', 'i386'] })).toBe(
      'it has no list of packages for s390x, i386; it has amd64, arm64',
    );
    expect(chosen(['main/binary-empty/Packages'])).toMatch(/no list of packages for any architecture/);
  });

  it('of a repository without suites are at its top', () => {
    expect(chosen(['Packages', 'Packages.gz'], { architectures: ['amd64'] })).toEqual(['Packages.gz']);
  });
});

describe('what is taken of a repository', () => {
  const indexed = (product: string, version: string, architecture = 'amd64'): IndexedPackage => ({
    product,
    version,
    architecture,
    path: '',
    bytes: 1,
    sha256: `${product}${version}${architecture}`,
  });
  const LISTED = [
    indexed('a', '1'),
    indexed('a', '2'),
    indexed('a', '2', 'arm64'),
    indexed('b', '1'),
    indexed('b', '1'),
  ];
  const FLEET = {
    architectures: ['amd64'],
    versions: new Map([
      ['a', new Set(['2 amd64', '2 all'])],
      ['c', new Set(['1 amd64', '1 all', '3 all'])],
    ]),
  };
  const taken = (...given: [Parameters<typeof selected>[1], Parameters<typeof selected>[2], string[]?]) => {
    const { packages, absent } = selected(LISTED, given[0], given[1], given[2] ?? []);
    return [packages.map(({ sha256 }) => sha256), absent];
  };

  it('is exactly what the fleet has, and it says what is not there', () => {
    expect(taken({ of: 'installed' }, FLEET)).toEqual([['a2amd64'], ['c 1', 'c 3']]);
    expect(taken({ of: 'installed' }, FLEET, ['a'])).toEqual([[], ['c 1', 'c 3']]);
  });

  it('is all, or all versions of what was named, each package once', () => {
    expect(taken({ of: 'all' }, null)).toEqual([['a1amd64', 'a2amd64', 'a2arm64', 'b1amd64'], []]);
    expect(taken({ of: 'all' }, null, ['b'])).toEqual([['a1amd64', 'a2amd64', 'a2arm64'], []]);
    expect(taken({ of: 'packages', names: ['b'] }, null)).toEqual([['b1amd64'], []]);
  });
});
