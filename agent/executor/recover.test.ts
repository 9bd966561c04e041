import { describe, expect, it } from 'vitest';
import type { StepResult } from '../steps/directory.ts';
import { type Recovery, recover, type StepTraces } from './recover.ts';

const result: StepResult = { outcome: 'succeeded', timedOut: false, message: 'done', facts: null, output: null };

type Row = [StepTraces['child'], boolean, boolean, boolean, Recovery['decision']];

const CHILDREN = ['never-began', 'alive', 'gone', 'before-boot', 'unclear'] as const;

/** What a broken step is, by whether it may run again and whether it goes on by itself. */
const BROKEN: readonly [boolean, boolean, Recovery['decision']][] = [
  [true, true, 'resume'],
  [false, true, 'resume'],
  [true, false, 'failed'],
  [false, false, 'unknown'],
];

/** The full matrix: what the child is, whether it left a result, whether it may run again, whether it goes on. */
const MATRIX: Row[] = CHILDREN.flatMap(child =>
  BROKEN.flatMap(([idempotent, resumes, broken]): Row[] => [
    [child, true, idempotent, resumes, 'adopt'],
    [child, false, idempotent, resumes, child === 'alive' ? 'adopt' : child === 'never-began' ? 'rerun' : broken],
  ]),
);

describe('a step with an intent and no result recorded', () => {
  it('has twenty states, each with and without a result', () => {
    expect(new Set(MATRIX.map(row => row.slice(0, 4).join())).size).toBe(40);
  });

  it.each(MATRIX)(
    'whose child is %s, result left: %s, idempotent: %s, resumes: %s, is: %s',
    (child, left, idempotent, resumes, decision) => {
      expect(recover({ result: left ? result : null, child, idempotent, resumes }).decision).toBe(decision);
    },
  );

  it('is taken at its own word before anything else, and is waited for only while it runs', () => {
    const step = { idempotent: false, resumes: false };
    expect(recover({ result, child: 'alive', ...step })).toEqual({ decision: 'adopt', how: 'result' });
    expect(recover({ result: null, child: 'alive', ...step })).toEqual({ decision: 'adopt', how: 'running' });
  });

  it('never starts again in doubt, unless it finds out by itself', () => {
    for (const child of ['alive', 'gone', 'before-boot', 'unclear'] as const) {
      const { decision } = recover({ result: null, child, idempotent: false, resumes: false });
      expect(['rerun', 'resume']).not.toContain(decision);
    }
  });

  it('that was cut off by a boot says so', () => {
    const recovered = recover({ result: null, child: 'before-boot', idempotent: false, resumes: false });
    expect(recovered).toMatchObject({ message: expect.stringContaining('the server booted while it ran') });
  });
});
