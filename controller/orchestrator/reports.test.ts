import type { JobState } from '@tidemark/shared/orders/job-state.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterReport, type JobReport } from './reports.ts';
import type { JobSnapshot } from './snapshot.ts';

const job = (state: JobState, attempt: number): JobSnapshot => ({
  ...{ state, attempt, spent: 0, message: '' },
  startedAt: null,
  endedAt: null,
});
const report = (kind: JobReport['kind'], attempt: number): JobReport => ({ kind, attempt, message: kind, at: 7 });

describe('a report of a job', () => {
  it.each<[JobState, number, JobReport['kind'], number, JobState | 'nothing']>([
    ['pending', 0, 'started', 1, 'running'],
    ['released', 0, 'started', 1, 'running'],
    ['released', 0, 'missed', 1, 'missed'],
    ['released', 0, 'succeeded', 1, 'succeeded'],
    ['running', 1, 'started', 1, 'nothing'],
    ['running', 1, 'succeeded', 1, 'succeeded'],
    ['running', 1, 'failed', 1, 'failed'],
    ['failed', 1, 'started', 1, 'nothing'],
    ['failed', 1, 'succeeded', 1, 'nothing'],
    ['failed', 1, 'started', 2, 'running'],
    ['running', 2, 'failed', 1, 'nothing'],
    ['failed', 2, 'started', 1, 'nothing'],
    ['succeeded', 2, 'failed', 1, 'nothing'],
    // Found out later than said.
    ['unknown', 1, 'succeeded', 1, 'succeeded'],
    ['unknown', 1, 'started', 1, 'nothing'],
    ['unknown', 1, 'unknown', 1, 'nothing'],
    // Given up here, begun there: the agent knows.
    ['cancelled', 0, 'started', 1, 'running'],
    ['missed', 0, 'succeeded', 1, 'succeeded'],
  ])('that finds it %s in attempt %i and says %s of attempt %i makes it %s', (state, attempt, kind, of, after) => {
    expect(afterReport(job(state, attempt), report(kind, of))?.state ?? 'nothing').toBe(after);
  });

  it('keeps when the attempt began, and forgets it with the next one', () => {
    const running = afterReport(job('released', 0), { kind: 'started', attempt: 1, message: '', at: 5 });
    expect(running).toMatchObject({ startedAt: 5, endedAt: null });
    const failed = afterReport(running ?? job('pending', 0), report('failed', 1));
    expect(failed).toMatchObject({ startedAt: 5, endedAt: 7 });
    expect(afterReport(failed ?? job('pending', 0), report('succeeded', 2))).toMatchObject({
      startedAt: null,
      endedAt: 7,
    });
  });

  it('ends in the same state however often and in whichever order the reports of an attempt come', () => {
    const story = [report('started', 1), report('failed', 1), report('started', 2), report('succeeded', 2)];
    const play = (reports: readonly JobReport[]) =>
      reports.reduce((state, next) => afterReport(state, next) ?? state, job('released', 0));
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...story)), fc.shuffledSubarray(story, { minLength: 4 }), (noise, all) => {
        const { state, attempt } = play([...noise, ...all]);
        expect({ state, attempt }).toEqual({ state: 'succeeded', attempt: 2 });
      }),
    );
  });
});
