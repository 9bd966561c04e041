import type { Standing } from '@tidemark/shared/orders/frontier.ts';
import { describe, expect, it } from 'vitest';
import { effectOf, settledJobs } from './amend.ts';
import type { StoredAmendment } from './journal.ts';

const STANDINGS: Record<Standing['state'], Standing> = {
  idle: { state: 'idle', frontier: 3, position: 2, attempt: 1 },
  running: { state: 'running', frontier: 3, position: 2, attempt: 1 },
  halted: { state: 'halted', frontier: 3, position: 2, begun: true, outcome: 'failed', attempt: 1 },
  finished: { state: 'finished', length: 5 },
  'undo-idle': { state: 'undo-idle', position: 2, attempt: 1 },
  'undo-running': { state: 'undo-running', position: 2, attempt: 1 },
  'undo-halted': { state: 'undo-halted', position: 2, outcome: 'failed', attempt: 1 },
  undone: { state: 'undone' },
};

/** For a job before, at and behind the one that is next: at once, when its turn comes, or not at all. */
const MATRIX: Record<
  Standing['state'],
  readonly ['no' | 'now' | 'later', 'no' | 'now' | 'later', 'no' | 'now' | 'later']
> = {
  idle: ['no', 'later', 'later'],
  running: ['no', 'no', 'later'],
  halted: ['no', 'now', 'later'],
  finished: ['no', 'no', 'no'],
  'undo-idle': ['no', 'no', 'no'],
  'undo-running': ['no', 'no', 'no'],
  'undo-halted': ['no', 'now', 'no'],
  undone: ['no', 'no', 'no'],
};

describe('a job that a person settles', () => {
  for (const [state, row] of Object.entries(MATRIX) as [Standing['state'], (typeof MATRIX)['idle']][]) {
    for (const [index, expected] of row.entries()) {
      it.each(['skip', 'done'] as const)(`${state}, job ${index + 1} of 5, %s: ${expected}`, action => {
        const effect = effectOf({ action, job: index + 1 }, STANDINGS[state]);
        expect(effect.ok ? ('moves' in effect.value ? 'now' : 'later') : 'no').toBe(expected);
      });
    }
  }
});

const stored = (action: StoredAmendment['action'], job: number): StoredAmendment => ({
  ...{ digest: `sha256:${'0'.repeat(64)}`, orderDigest: `sha256:${'1'.repeat(64)}` },
  ...{ action, job, hadBegun: false, by: 'ada', reason: 'because', envelope: Buffer.alloc(0), acceptedAt: 0 },
});

describe('what people decided about jobs to come', () => {
  it('is what was said last', () => {
    const settled = settledJobs([stored('skip', 3), stored('done', 3)]);
    expect(settled.get(3)?.action).toBe('done');
  });

  it('is void for jobs that a later decision has done again', () => {
    const settled = settledJobs([stored('skip', 1), stored('skip', 3), stored('retry', 2)]);
    expect([...settled.keys()]).toEqual([1]);
  });
});
