import { describe, expect, it } from 'vitest';
import { lessonOf } from './learning.ts';
import { indexPlan } from './plan-index.ts';
import { planOf, START } from './testing/random-plan.ts';

const sample = planOf({ hosts: [{ name: 'db01', jobs: [{ id: 'patch' }] }] });
const job = indexPlan('sha256:p', sample.header, sample.orders).hosts[0]?.jobs[0];
if (!job) throw new Error('a job');

const before = { state: 'running' as const, attempt: 1, startedAt: START };
const after = { state: 'succeeded' as const, attempt: 1, endedAt: START + 7_000 };

describe('a step teaches how long its kind takes', () => {
  it('where it ended well: from the start of that attempt', () => {
    expect(lessonOf(job, before, after)).toBe(7_000);
    expect(lessonOf(job, { ...before, attempt: 2 }, { ...after, attempt: 2 })).toBe(7_000);
  });

  it.each([
    ['it failed', before, { ...after, state: 'failed' as const }],
    ['it was skipped', before, { ...after, state: 'skipped' as const }],
    ['nobody heard of its start', { ...before, state: 'released' as const, startedAt: null }, after],
    ['how it ended was found out later', { ...before, state: 'unknown' as const }, after],
    ['another attempt had begun', { ...before, attempt: 1 }, { ...after, attempt: 2 }],
    ['the clock was set back meanwhile', before, { ...after, endedAt: START - 1 }],
    ['the clock was set forward meanwhile', before, { ...after, endedAt: START + job.timeoutMs + 1 }],
  ])('but not where %s', (_, was, is) => {
    expect(lessonOf(job, was, is)).toBe(null);
  });

  it.each(['manual/task', 'system/wait'] as const)(
    'but not of %s, of which the policy says how long it takes',
    kind => {
      expect(lessonOf({ ...job, kind }, before, after)).toBe(null);
    },
  );
});
