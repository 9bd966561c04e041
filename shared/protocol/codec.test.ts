import { describe, expect, it } from 'vitest';
import {
  digestFromWire,
  directionFromWire,
  directionToWire,
  jobEventFromWire,
  jobEventToWire,
  Malformed,
  objectFromWire,
  optionalDigestFromWire,
  proofFromWire,
  reading,
  refusalCodeFromWire,
  sequenceFromWire,
  textFromWire,
} from './codec.ts';

describe('what comes from the wire', () => {
  it.each<[string, () => unknown]>([
    ['a digest of no bytes', () => digestFromWire(Buffer.alloc(0), 'f')],
    ['a digest of 31 bytes', () => digestFromWire(Buffer.alloc(31), 'f')],
    ['a digest of 33 bytes', () => digestFromWire(Buffer.alloc(33), 'f')],
    ['an optional digest of 1 byte', () => optionalDigestFromWire(Buffer.alloc(1), 'f')],
    ['a direction that was not said', () => directionFromWire(0, 'f')],
    ['a direction of a later version', () => directionFromWire(3, 'f')],
    ['a job event that was not said', () => jobEventFromWire(0, 'f')],
    ['a job event of a later version', () => jobEventFromWire(8, 'f')],
    ['a refusal code that is none', () => refusalCodeFromWire('because', 'f')],
    ['no proof', () => proofFromWire(undefined, 'f')],
    ['a proof with a short hash', () => proofFromWire({ leafIndex: 0, leafCount: 1, path: [Buffer.alloc(3)] }, 'f')],
    ['JSON that is none', () => objectFromWire('{', 'f')],
    ['JSON that is a list', () => objectFromWire('[]', 'f')],
    ['JSON that is null', () => objectFromWire('null', 'f')],
    ['sequence 0', () => sequenceFromWire(0, 'f')],
    ['half a sequence', () => sequenceFromWire(1.5, 'f')],
    ['a text that is too long', () => textFromWire('abc', 'f', 2)],
  ])('is malformed: %s', (_, read) => {
    expect(reading(read)).toEqual({
      ok: false,
      error: expect.objectContaining({ name: 'Malformed', field: expect.stringMatching(/^f/) }),
    });
  });

  it.each(['forward', 'undo'] as const)('is direction %s again', direction => {
    expect(directionFromWire(directionToWire(direction), 'f')).toBe(direction);
  });

  it.each(['started', 'succeeded', 'failed', 'missed', 'unknown', 'skipped', 'cancelled'] as const)(
    'is %s again',
    kind => {
      expect(jobEventFromWire(jobEventToWire(kind), 'f')).toBe(kind);
    },
  );

  it('is none where nothing may be said and nothing was', () => {
    expect(optionalDigestFromWire(Buffer.alloc(0), 'f')).toBeNull();
    expect(objectFromWire('', 'f')).toBeNull();
  });
});

describe('reading', () => {
  it('takes only what is malformed for bad input: a bug is not hidden', () => {
    expect(() =>
      reading(() => {
        throw new TypeError('a bug');
      }),
    ).toThrow('a bug');
    expect(
      reading(() => {
        throw new Malformed('f', 'bad');
      }).ok,
    ).toBe(false);
  });
});
