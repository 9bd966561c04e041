import { expect, it } from 'vitest';
import { countsAsFailed, endedWell, hasEnded, JobState } from './job-state.ts';

it.each([
  { state: 'pending', ended: false, well: false, failed: false },
  { state: 'released', ended: false, well: false, failed: false },
  { state: 'running', ended: false, well: false, failed: false },
  { state: 'succeeded', ended: true, well: true, failed: false },
  { state: 'failed', ended: true, well: false, failed: true },
  { state: 'missed', ended: true, well: false, failed: true },
  { state: 'unknown', ended: true, well: false, failed: true },
  { state: 'skipped', ended: true, well: true, failed: false },
  { state: 'cancelled', ended: true, well: false, failed: false },
] as const)('a job that is $state: ended $ended, well $well, counted as failed $failed', row => {
  expect([hasEnded(row.state), endedWell(row.state), countsAsFailed(row.state)]).toEqual([
    row.ended,
    row.well,
    row.failed,
  ]);
});

it('has a row above for every state', () => {
  expect(JobState.options).toHaveLength(9);
});
