import { expect, it } from 'vitest';
import { iso } from '../testing/samples.ts';
import { eventLine, eventObject } from './event.ts';

const event = {
  id: 7,
  at: iso(0),
  run: 'r1',
  host: 'web01',
  job: 'stop:orders-web',
  step: 'stop',
  event: 'failed',
  attempt: 2,
  direction: 'undo' as const,
  message: 'status 503',
};

it('gives an event its members in the order that is promised, and no others', () => {
  expect(Object.keys(eventObject(event))).toEqual([
    'at',
    'run',
    'host',
    'job',
    'step',
    'event',
    'attempt',
    'direction',
    'message',
  ]);
  expect(Object.keys(eventObject({ ...event, direction: null, message: '' }))).toEqual([
    'at',
    'run',
    'host',
    'job',
    'step',
    'event',
    'attempt',
  ]);
});

it('writes an event as a line for people', () => {
  expect(eventLine(event)).toBe('21:00:00Z web01 stop:orders-web (undo) failed, attempt 2: status 503');
  expect(
    eventLine({
      ...event,
      host: null,
      job: null,
      step: null,
      attempt: null,
      direction: null,
      event: 'ended',
      message: '',
    }),
  ).toBe('21:00:00Z r1 ended');
});
