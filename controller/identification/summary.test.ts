import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  addSummary,
  claimsOf,
  claimText,
  decodeSummary,
  emptySummary,
  encodeSummary,
  MATCHES,
  type Match,
  type Summary,
} from './summary.ts';

const tally = fc.record({ files: fc.nat(1e6), programs: fc.nat(1e6), bytes: fc.nat(2 ** 40) });
const identity = fc
  .array(
    fc.tuple(fc.nat(1e6), fc.constantFrom(...(Object.keys(MATCHES) as Match[])), fc.constantFrom('', '7', '1-3,9')),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  .map(claims => claims.map(([product, match, editions]) => claimText(product, match, editions)).join('|'));
const summary: fc.Arbitrary<Summary> = fc.record({
  entries: fc.nat(1e6),
  notable: fc.nat(100),
  stray: tally,
  known: fc.array(fc.tuple(identity, tally)).map(pairs => new Map(pairs)),
});

it('is the same after it was kept', () => {
  fc.assert(
    fc.property(summary, sum => {
      expect(decodeSummary(encodeSummary(sum))).toEqual(sum);
    }),
  );
});

it('adds up to the same in any order, and leaves what it adds alone', () => {
  fc.assert(
    fc.property(fc.array(summary, { maxLength: 5 }), parts => {
      const before = structuredClone(parts);
      const [forwards, backwards] = [emptySummary(), emptySummary()];
      for (const part of parts) addSummary(forwards, part);
      for (const part of parts.toReversed()) addSummary(backwards, part);
      expect(backwards).toEqual(forwards);
      expect(parts).toEqual(before);
    }),
  );
});

it('reads what it says of a file', () => {
  const text = [
    claimText(12, 'same', '101-103,107'),
    claimText(87, 'other', ''),
    claimText(9, 'config-other', ''),
  ].join('|');
  expect(claimsOf(text)).toEqual([
    { product: 12, match: 'same', editions: [101, 102, 103, 107] },
    { product: 87, match: 'other', editions: [] },
    { product: 9, match: 'config-other', editions: [] },
  ]);
});
