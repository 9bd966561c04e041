import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findCycle, inOrderOfNeeds } from './graph.ts';

describe('a cycle', () => {
  it.each([
    ['none', { a: ['b'], b: ['c'], c: [] }, null],
    ['of one', { a: ['a'] }, ['a']],
    ['behind a tail', { a: ['b'], b: ['c'], c: ['d'], d: ['b'] }, ['b', 'c', 'd']],
    ['not where two ways meet', { a: ['b', 'c'], b: ['d'], c: ['d'], d: [] }, null],
  ])('is found: %s', (_, edges, expected) => {
    const next: Record<string, string[]> = edges;
    expect(findCycle(Object.keys(next), node => next[node] ?? [])).toEqual(expected);
  });

  it('is found in chains that no stack could hold', () => {
    const length = 200_000;
    const chain = (close: boolean) => (node: number) => (node + 1 < length ? [node + 1] : close ? [0] : []);
    expect(findCycle([0], chain(false))).toBeNull();
    expect(findCycle([0], chain(true))).toHaveLength(length);
  });

  it('is one indeed, and is missed nowhere', () => {
    const edges = fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 14 });
    fc.assert(
      fc.property(edges, list => {
        const next = (node: number) => list.filter(([from]) => from === node).map(([, to]) => to);
        const nodes = [...new Set(list.flat())];
        const cycle = findCycle(nodes, next);
        const reaches = (from: number, to: number, seen = new Set<number>()): boolean =>
          next(from).some(n => n === to || (!seen.has(n) && reaches(n, to, seen.add(n))));
        expect(cycle !== null).toBe(nodes.some(node => reaches(node, node)));
        for (const [index, node] of (cycle ?? []).entries())
          expect(next(node)).toContain(cycle?.[(index + 1) % cycle.length]);
      }),
    );
  });
});

describe('the order of needs', () => {
  it('is the given one where needs allow it', () => {
    const needs: Record<string, string[]> = { a: ['c'], b: [], c: [], d: ['gone'] };
    const sorted = inOrderOfNeeds(
      Object.keys(needs),
      id => id,
      id => needs[id] ?? [],
    );
    expect(sorted).toEqual(['b', 'c', 'a', 'd']);
  });
});
