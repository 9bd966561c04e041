import { expect, it } from 'vitest';
import { refreshFacts } from './refresh-facts.ts';

/** Agents that answer so many milliseconds after they were asked; null never does. Gives how long was waited. */
async function waited(...answersAfter: (number | null)[]): Promise<number> {
  let now = 1_000_000;
  const begun = now;
  const names = answersAfter.map((_, index) => `h${index}`);
  const observed = async () =>
    new Map(
      answersAfter.map((after, index) => {
        const answered = after !== null && begun + after <= now;
        return [names[index] ?? '', answered ? begun + after : 0];
      }),
    );
  await refreshFacts({
    sessions: { connected: () => names, send: () => true },
    inventory: { observed },
    clock: { now: () => now, monotonic: () => now },
    pause: async ms => {
      now += ms;
    },
  });
  return now - begun;
}

it('waits until all have answered', async () => {
  expect(await waited()).toBe(0);
  expect(await waited(0, 300)).toBe(300);
});

it('waits on while answers keep coming, as from a large fleet', async () => {
  expect(await waited(4_000, 8_000, 12_000)).toBe(12_000);
});

it('does not wait for one that says nothing, and never longer than a request may take', async () => {
  expect(await waited(1_000, null)).toBe(6_000);
  expect(await waited(...Array.from({ length: 20 }, (_, index) => index * 2_000))).toBe(20_000);
});

it('does not count facts that were there before', async () => {
  expect(await waited(-1, 100)).toBe(5_100);
});
