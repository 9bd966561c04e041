import { describe, expect, it } from 'vitest';
import type { HostFacts } from './facts.ts';
import { FACTS_MAX_AGE_MS, isFresh } from './freshness.ts';
import { createInventory } from './service.ts';

const NOW = 1_000_000;

function recorded() {
  const kept: HostFacts[] = [];
  const store = {
    put: async (_: string, facts: HostFacts) => kept.push(facts) > 0,
    all: async () => new Map(),
    of: async () => kept.at(-1) ?? null,
    observed: async () => new Map(),
  };
  return { kept, inventory: createInventory({ store, clock: { now: () => NOW, monotonic: () => 0 } }) };
}

describe('facts', () => {
  it('are as old as the controller has had them, whatever the clock of the server says', async () => {
    const { kept, inventory } = recorded();
    await inventory.record({ hostId: 'h', facts: {} });
    expect(kept.map(({ observedAt }) => observedAt)).toEqual([NOW]);
  });

  it('lose what the database cannot hold, and nothing else', async () => {
    const { kept, inventory } = recorded();
    const facts = { 'a\0': ['x\0y', { b: '\ud800', c: Number.NaN, d: [1, null, true] }] };
    await inventory.record({ hostId: 'h', facts });
    expect(kept[0]?.facts).toEqual({ 'a\uFFFD': ['x\uFFFDy', { b: '\uFFFD', c: null, d: [1, null, true] }] });
  });

  it.each([
    [0, true],
    [FACTS_MAX_AGE_MS, true],
    [FACTS_MAX_AGE_MS + 1, false],
  ])('that are %d ms old are fresh: %s', (age, fresh) => {
    expect(isFresh(NOW, NOW + age)).toBe(fresh);
  });
});
