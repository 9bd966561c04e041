import { present } from '@tidemark/shared/base/assert.ts';
import type { Standing } from '@tidemark/shared/orders/frontier.ts';
import type { Job, OnFailure } from '@tidemark/shared/orders/order.ts';
import type { Call } from '@tidemark/shared/orders/step-kinds.ts';
import { describe, expect, it } from 'vitest';
import { eventAfter, judge, nextOf } from './next.ts';
import { command, jobOf, orderOf } from './testing.fixture.ts';

const CALL: Call = command('/bin/do');
const UNDO: Call = command('/bin/undo');
const order = orderOf([
  jobOf('a', CALL, { undo: UNDO, notBefore: 100, notAfter: 200 }),
  jobOf('b', CALL, { notBefore: 100, notAfter: 200 }),
]);
const idle = (position: number, frontier: number): Standing => ({ state: 'idle', frontier, position, attempt: 1 });

describe('what an order wants done', () => {
  it.each<[string, Standing, number, string]>([
    ['nothing at its frontier', idle(0, 0), 150, 'nothing'],
    ['to wait before its window', idle(0, 2), 99, 'wait'],
    ['to start when it opens', idle(0, 2), 100, 'start'],
    ['to start until it closes', idle(0, 2), 200, 'start'],
    ['nothing more after it has closed', idle(0, 2), 201, 'missed'],
    ['nothing while a step runs', { ...idle(0, 2), state: 'running' } as Standing, 150, 'nothing'],
    [
      'nothing while it is halted',
      { state: 'halted', frontier: 2, position: 0, begun: true, outcome: 'failed' },
      150,
      'nothing',
    ],
    ['nothing when it is finished', { state: 'finished', length: 2 }, 150, 'nothing'],
    ['the undo, whatever the window says', { state: 'undo-idle', position: 0, attempt: 1 }, 9_999, 'start'],
    ['to skip where there is nothing to take back', { state: 'undo-idle', position: 1, attempt: 1 }, 150, 'skipped'],
    ['nothing while an undo runs', { state: 'undo-running', position: 0, attempt: 1 }, 150, 'nothing'],
  ])('%s', (_what, standing, now, next) => {
    expect(nextOf(order, standing, now).next).toBe(next);
  });

  it('is the call forwards and its undo backwards', () => {
    expect(nextOf(order, idle(0, 1), 150)).toMatchObject({ direction: 'forward', call: CALL });
    expect(nextOf(order, { state: 'undo-idle', position: 0, attempt: 2 }, 150)).toMatchObject({
      direction: 'undo',
      call: UNDO,
      attempt: 2,
    });
  });
});

describe('the end of a step', () => {
  const job = (retries: number, onFailure: OnFailure): Job => ({
    ...present(order.jobs[0], 'job'),
    retries: { max: retries, backoffMs: 0 },
    onFailure,
  });

  it.each([
    ['succeeded', 0, 'hold', 'forward', 1, { event: 'pass' }],
    ['failed', 0, 'hold', 'forward', 1, { event: 'halt', outcome: 'failed' }],
    ['failed', 1, 'hold', 'forward', 1, { event: 'retry' }],
    ['failed', 1, 'hold', 'forward', 2, { event: 'halt', outcome: 'failed' }],
    ['failed', 1, 'continue', 'forward', 1, { event: 'retry' }],
    ['failed', 1, 'continue', 'forward', 2, { event: 'pass' }],
    ['failed', 0, 'undo-host', 'forward', 1, { event: 'halt', outcome: 'failed' }],
    ['failed', 0, 'skip-host', 'forward', 1, { event: 'halt', outcome: 'failed' }],
    ['failed', 0, 'continue', 'undo', 1, { event: 'halt', outcome: 'failed' }],
    ['unknown', 5, 'continue', 'forward', 1, { event: 'halt', outcome: 'unknown' }],
    ['unknown', 5, 'continue', 'undo', 1, { event: 'halt', outcome: 'unknown' }],
  ] as const)(
    '%s, %i retries, %s, %s, attempt %i gives %o',
    (outcome, retries, onFailure, direction, attempt, event) => {
      expect(eventAfter(job(retries, onFailure), direction, attempt, { outcome, message: '' })).toEqual(event);
    },
  );

  it('at its timeout is a failure where it may run twice, and unknown where it may not', () => {
    const late = { outcome: 'failed' as const, timedOut: true, message: 'late' };
    expect(judge(command('/bin/x'), late).outcome).toBe('unknown');
    expect(judge({ kind: 'snapshot/delete', args: { name: 'x' } }, late).outcome).toBe('failed');
    expect(judge(command('/bin/x'), { ...late, timedOut: false }).outcome).toBe('failed');
  });
});
