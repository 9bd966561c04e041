import { expect, it } from 'vitest';
import { ANSWER_WITHIN_MS, dueForLook, ROUND_EVERY_MS } from './rounds.ts';

const NOW = 1_800_000_000_000;
const TICK = 10_000;
const names = (count: number) => Array.from({ length: count }, (_, at) => `host${at}`);
const seenAt = (hosts: readonly string[], at: number) => new Map(hosts.map(name => [name, { observedAt: at }]));

it('who was looked at lately is not due, and who was not a quarter of an hour ago is', () => {
  const connected = names(8);
  const due = (age: number) =>
    dueForLook({ connected, observed: seenAt(connected, NOW - age), asked: new Map(), now: NOW, tickMs: TICK });
  expect(due(0)).toEqual([]);
  expect(due(ROUND_EVERY_MS * 0.7)).toEqual([]);
  expect(due(ROUND_EVERY_MS)).toHaveLength(8);
});

it('who was never seen comes first, and who was asked has time to answer', () => {
  const observed = seenAt(['old'], NOW - 2 * ROUND_EVERY_MS);
  const ask = (asked: Map<string, number>) =>
    dueForLook({ connected: ['old', 'new'], observed, asked, now: NOW, tickMs: TICK });
  expect(ask(new Map())).toEqual(['new', 'old']);
  expect(ask(new Map([['new', NOW - 1]]))).toEqual(['old']);
  expect(ask(new Map([['new', NOW - ANSWER_WITHIN_MS]]))).toEqual(['new', 'old']);
});

it('a fleet that answers is looked at in every round, spread over it, and never all at once', () => {
  const connected = names(5_000);
  const observed = seenAt(connected, NOW);
  const asked = new Map<string, number>();
  const perTick: number[] = [];
  for (let now = NOW; now < NOW + 2 * ROUND_EVERY_MS; now += TICK) {
    const due = dueForLook({ connected, observed, asked, now, tickMs: TICK });
    for (const name of due) observed.set(name, { observedAt: now });
    perTick.push(due.length);
  }
  const oldest = Math.min(...[...observed.values()].map(({ observedAt }) => observedAt));
  expect(NOW + 2 * ROUND_EVERY_MS - oldest).toBeLessThanOrEqual(ROUND_EVERY_MS * 1.1);
  expect(Math.max(...perTick)).toBeLessThan(500);
});
