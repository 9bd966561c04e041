import fc from 'fast-check';
import { expect, it } from 'vitest';
import { steady, steadyBytes } from './steady.ts';

it.each([
  [95, 320, null, 90],
  [95, 320, 90, 90],
  [104, 320, 90, 90],
  [105, 320, 90, 100],
  [86, 320, 90, 90],
  [84, 320, 90, 80],
  [0, 320, 90, 0],
  [5, 0, null, 5],
  [95, 320, 37, 90],
])('%i of %i bytes that were told as %s are told as %i', (bytes, total, before, told) => {
  expect(steadyBytes(bytes, total, before)).toBe(told);
});

it('a value that swings by less than half a step is told once', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 900 }), fc.array(fc.integer({ min: -7, max: 7 })), (middle, swings) => {
      let told = steadyBytes(middle, 1_000, null);
      const first = told;
      const step = Math.floor(1_000 / 32);
      const near = swings.filter(swing => Math.abs(middle + swing - first - step / 2) < step);
      for (const swing of near) told = steadyBytes(middle + swing, 1_000, told);
      expect(told).toBe(first);
    }),
  );
});

it('a server on which nothing but that moved tells the same', () => {
  const facts = (free: number) => ({
    hostname: 'a',
    memory: { totalBytes: 3_200, availableBytes: free, swapBytes: 0 },
    mounts: [{ mount: '/', source: '/dev/sda1', type: 'ext4', readOnly: false, freeBytes: free, totalBytes: 3_200 }],
  });
  const first = steady(facts(1_010), () => undefined);
  expect(steady(facts(990), kind => first[kind])).toEqual(first);
  expect(steady(facts(400), kind => first[kind])).not.toEqual(first);
});
