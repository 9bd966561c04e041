import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ORDER_NAMES, ORDERS } from './ecosystems.ts';

/** Texts as versions are made of, and some that no tool would take. */
const version = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('', '0:', '1:', '1!', 'v'),
      fc.constantFrom('1', '1.0', '2.10', '10', '1.0.0', '1a'),
      fc.constantFrom('', '~rc1', 'rc1', '_p1', '^git1', '.post2', '-alpha.1', '.dev3', 'a'),
      fc.constantFrom('', '-1', '-r1', '-1.el9', '+b', '+deb12u1'),
    )
    .map(parts => parts.join('')),
  fc.string({ maxLength: 6 }),
);

describe.each(ORDER_NAMES)('the order of versions of %s', name => {
  const compare: (a: string, b: string) => number | null = ORDERS[name];
  const sign = (a: string, b: string) => {
    const order = compare(a, b);
    return order === null ? null : Math.sign(order);
  };

  it('says of a version that it is as old as itself', () => {
    fc.assert(
      fc.property(version, a => {
        expect([0, null]).toContain(sign(a, a));
      }),
    );
  });

  it('is the other way round with the two exchanged', () => {
    fc.assert(
      fc.property(version, version, (a, b) => {
        const [one, other] = [sign(a, b), sign(b, a)];
        expect(one).toBe(other === null ? null : 0 - other);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('known orders', () => {
  it.each<[keyof typeof ORDERS, string, string]>([
    ['pep440', '1.0.dev1', '1.0a1'],
    ['pep440', '1.0rc1', '1.0'],
    ['pep440', '1.0', '1.0.post1'],
    ['pep440', '1.0', '1.0+local.1'],
    ['pep440', '2026.1', '1!0.1'],
    ['semver', '1.0.0-rc.1', '1.0.0'],
    ['semver', '1.0.0-alpha.9', '1.0.0-alpha.10'],
    ['maven', '1.0-SNAPSHOT', '1.0'],
    ['maven', '1.0-rc1', '1.0'],
    ['maven', '1.0', '1.0-sp1'],
    ['maven', '2.9.10.8', '2.12.6.1'],
    ['maven', '5.3.17.RELEASE', '5.3.18'],
    ['windows', '10.0.20348.9', '10.0.20348.2700'],
  ])('%s: %s is before %s', (name, a, b) => {
    expect(Math.sign(ORDERS[name](a, b) ?? Number.NaN)).toBe(-1);
  });

  it.each<[keyof typeof ORDERS, string, string]>([
    ['pep440', '1.0', '1.0.0'],
    ['pep440', '1.0-1', '1.0.post1'],
    ['semver', '1.0.0+a', '1.0.0+b'],
    ['maven', '1.0', '1-ga'],
    ['maven', '1.0.0.Final', '1'],
  ])('%s: %s is %s', (name, a, b) => {
    expect(Math.abs(ORDERS[name](a, b) ?? Number.NaN)).toBe(0);
  });

  it.each<[keyof typeof ORDERS, string]>([
    ['semver', '1.0'],
    ['pep440', 'latest'],
  ])('%s says nothing of %s', (name, text) => {
    expect(ORDERS[name](text, text)).toBeNull();
  });
});
