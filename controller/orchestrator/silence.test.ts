import { describe, expect, it } from 'vitest';
import { planOf, START } from './testing/random-plan.ts';
import type { Script } from './testing/simulated-agent.ts';
import { SimulatedNight } from './testing/simulated-night.ts';

const MINUTE = 60_000;

/** One host that is away from the second minute on, in the middle of its second job. */
function away(forMs: number, timeoutMs: number, reboots: boolean): SimulatedNight {
  const second = reboots
    ? { id: 'patch', expectedMs: 20 * MINUTE, reboots: true as const }
    : { id: 'patch', expectedMs: 20 * MINUTE };
  const sample = planOf({ hosts: [{ name: 'x', jobs: [{ id: 'stop', expectedMs: MINUTE }, second] }] });
  for (const order of sample.orders) for (const job of order.jobs) job.timeoutMs = timeoutMs;
  const from = START + 2 * MINUTE;
  const script: Script = { forward: [], undo: [], refuses: false, silent: { from, to: from + forMs } };
  return new SimulatedNight(sample, { scripts: new Map([['x', script]]), dice: [1], swapped: new Set() });
}

describe('a server that is away for three minutes', () => {
  it('is silent where its job keeps it at work', () => {
    const night = away(3 * MINUTE, 30 * MINUTE, false);
    night.play(START + 6 * MINUTE);
    expect(night.run.titles).toEqual([expect.stringMatching(/^patch on x: x has not been heard from for \d+ s$/)]);
  });

  it('is not where it boots, as it was told to', () => {
    const night = away(3 * MINUTE, 30 * MINUTE, true);
    night.play(START + 6 * MINUTE);
    expect(night.run.titles).toEqual([]);
  });
});

it('a server that boots for longer than its job may take is silent', () => {
  const night = away(30 * MINUTE, 4 * MINUTE, true);
  night.play(START + 6 * MINUTE);
  expect(night.run.titles).toEqual([]);
  night.play(START + 9 * MINUTE);
  expect(night.run.titles[0]).toMatch(/^patch on x: x /);
});
