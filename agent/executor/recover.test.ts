import { describe, expect, it } from 'vitest';
import type { StepResult } from '../steps/directory.ts';
import { type Recovery, recover, type StepTraces } from './recover.ts';

const result: StepResult = { outcome: 'succeeded', timedOut: false, message: 'done', facts: null, output: null };

type Row = [StepTraces['child'], boolean, boolean, Recovery['decision']];

/** The full matrix: what the child is, whether it left a result, whether it may run again. */
const MATRIX: Row[] = [
  ['never-began', true, true, 'adopt'],
  ['never-began', true, false, 'adopt'],
  ['never-began', false, true, 'rerun'],
  ['never-began', false, false, 'rerun'],
  ['alive', true, true, 'adopt'],
  ['alive', true, false, 'adopt'],
  ['alive', false, true, 'adopt'],
  ['alive', false, false, 'adopt'],
  ['gone', true, true, 'adopt'],
  ['gone', true, false, 'adopt'],
  ['gone', false, true, 'failed'],
  ['gone', false, false, 'unknown'],
  ['unclear', true, true, 'adopt'],
  ['unclear', true, false, 'adopt'],
  ['unclear', false, true, 'failed'],
  ['unclear', false, false, 'unknown'],
];

describe('a step with an intent and no result recorded', () => {
  it.each(MATRIX)('whose child is %s, result left: %s, idempotent: %s, is: %s', (child, left, idempotent, decision) => {
    expect(recover({ result: left ? result : null, child, idempotent }).decision).toBe(decision);
  });

  it('is taken at its own word before anything else, and is waited for only while it runs', () => {
    expect(recover({ result, child: 'alive', idempotent: false })).toEqual({ decision: 'adopt', how: 'result' });
    expect(recover({ result: null, child: 'alive', idempotent: false })).toEqual({ decision: 'adopt', how: 'running' });
  });

  it('never starts again in doubt', () => {
    for (const child of ['alive', 'gone', 'unclear'] as const)
      expect(recover({ result: null, child, idempotent: false }).decision).not.toBe('rerun');
  });
});
