import { digestOf } from '@tidemark/shared/base/digest.ts';
import { expect, it } from 'vitest';
import { refreshFacts } from './refresh-facts.ts';

const ROOT = digestOf(Buffer.from('inventory'));

/** Agents that answer so many milliseconds after they were asked; null never does. Gives how long was waited. */
async function waited(...answersAfter: (number | null)[]): Promise<number> {
  let now = 1_000_000;
  const begun = now;
  const names = answersAfter.map((_, index) => `h${index}`);
  const looks = async () =>
    new Map(
      answersAfter.map((after, index) => {
        const answered = after !== null && begun + after <= now;
        return [names[index] ?? '', { root: ROOT, observedAt: answered ? begun + after : 0 }];
      }),
    );
  await refreshFacts({
    sessions: { connected: () => names, send: () => true },
    inventory: { looks },
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
  expect(await waited(1_000, null)).toBe(11_000);
  expect(await waited(...Array.from({ length: 20 }, (_, index) => index * 2_000))).toBe(20_000);
});

it('does not count facts that were there before', async () => {
  expect(await waited(-1, 100)).toBe(10_100);
});

it('asks few at a time, who is known for longest first, and who is silent keeps nobody from being asked', async () => {
  let now = 1_000_000;
  const names = Array.from({ length: 200 }, (_, index) => `h${index}`);
  const observed = new Map(names.map((name, index) => [name, 1_000 - index]));
  const silent = new Set(names.filter((_, index) => index % 2 === 0));
  const asked: string[] = [];
  let answering: string[] = [];
  let most = 0;
  await refreshFacts({
    sessions: {
      connected: () => names,
      send: name => {
        asked.push(name);
        if (!silent.has(name)) answering.push(name);
        most = Math.max(most, answering.length);
        return true;
      },
    },
    inventory: {
      looks: async () => new Map([...observed].map(([name, at]) => [name, { root: ROOT, observedAt: at }])),
    },
    clock: { now: () => now, monotonic: () => now },
    pause: async ms => {
      now += ms;
      for (const name of answering) observed.set(name, now);
      answering = [];
    },
  });
  expect(asked).toEqual(names.toReversed());
  expect(most).toBeLessThanOrEqual(64);
});
