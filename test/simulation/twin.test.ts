import { describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import { playNight } from './night.ts';
import { twinOver } from './store/twin.ts';

const freshStore = testStores();
const NIGHT = { hosts: 12, clusters: 3, windowMs: 4 * 3_600_000, calm: false, pace: null };
/** Some seconds of processor each. */
const TIMEOUT_MS = 300_000;

describe('a night over PostgreSQL and memory at once', () => {
  it.each([
    [1, 0.02],
    [2, 0.05],
  ])(
    'goes as the one over memory alone, event by event, and both say the same (seed %i, faults %f)',
    async (seed, faults) => {
      const store = await freshStore();
      const both = await playNight({ ...NIGHT, seed, faults }, twinOver(store));
      const alone = await playNight({ ...NIGHT, seed, faults });
      expect(both.violations).toEqual(alone.violations);
      expect(both.events).toEqual(alone.events);
      expect(both.events.length).toBeGreaterThan(100);
      const [row] = await store.sql`select count(*)::int as events from run_events`;
      expect(row).toEqual({ events: both.events.length });
    },
    TIMEOUT_MS,
  );
});
