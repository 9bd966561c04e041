import { describe, expect, it } from 'vitest';
import { heartbeatFor } from './sessions.ts';

describe('the pace of heartbeats', () => {
  it.each([
    [0, 10_000],
    [1, 10_000],
    [1_600, 10_000],
    [1_601, 11_000],
    [5_000, 32_000],
    [10_000, 63_000],
  ])('is, for %i agents, one in %i ms', (agents, expected) => {
    expect(heartbeatFor(agents)).toBe(expected);
  });
});
