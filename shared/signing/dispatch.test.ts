import { describe, expect, it } from 'vitest';
import { digestOf } from '../base/digest.ts';
import { hostId, NOW, newKey } from '../testing/samples.ts';
import {
  type Dispatch,
  type DispatchMark,
  MAX_CLOCK_SKEW_MS,
  MAX_DISPATCH_LIFE_MS,
  signDispatch,
  verifyDispatch,
} from './dispatch.ts';
import { PayloadType, signEnvelope } from './dsse.ts';
import { rawPublicKey } from './ed25519.ts';

const controller = newKey();
const publicKey = rawPublicKey(controller);
const DAY_MS = 86_400_000;
const SEEN: DispatchMark = { epoch: 3, sequence: 10 };

const dispatch = (change: Partial<Dispatch> = {}): Dispatch => ({
  format: 'tidemark/dispatch/v1',
  host: hostId(1),
  order: digestOf(Buffer.from('an order')),
  direction: 'forward',
  frontier: 4,
  epoch: 3,
  sequence: 11,
  issuedAt: NOW,
  expiresAt: NOW + 60_000,
  ...change,
});

const verify = (change: Partial<Dispatch> = {}, now = NOW, seen = SEEN) =>
  verifyDispatch(signDispatch(dispatch(change), controller), publicKey, hostId(1), seen, now);

describe('a dispatch', () => {
  it('is acted on when it is from the controller, for this host, in time and newer than all before', () => {
    expect(verify()).toEqual({ ok: true, value: dispatch() });
  });

  it.each<[string, Partial<Dispatch>, number, string]>([
    ['is for another host', { host: hostId(2) }, NOW, 'wrong-host'],
    ['has expired', {}, NOW + 60_000, 'expired'],
    ['claims to live too long', { expiresAt: NOW + MAX_DISPATCH_LIFE_MS + 1 }, NOW, 'expired'],
    ['was signed ahead for a day to come', { issuedAt: NOW + DAY_MS, expiresAt: NOW + DAY_MS + 1 }, NOW, 'expired'],
    ['is sent again', { sequence: 10 }, NOW, 'replayed'],
    ['is older than what was seen', { sequence: 9 }, NOW, 'replayed'],
    ['is by a controller that was replaced', { epoch: 2 }, NOW, 'replayed'],
    ['is by a controller that was replaced and counts on', { epoch: 2, sequence: 99 }, NOW, 'replayed'],
    ['is of a new epoch and an old sequence', { epoch: 4, sequence: 10 }, NOW, 'replayed'],
    ['lets a job before the first run', { frontier: -1 }, NOW, 'bad-signature'],
    ['has an unknown direction', { direction: 'sideways' as 'undo' }, NOW, 'bad-signature'],
  ])('that %s is refused', (_, change, now, code) => {
    expect(verify(change, now)).toMatchObject({ ok: false, error: { code } });
  });

  it('may live as long as any and not a millisecond longer', () => {
    expect(verify({ expiresAt: NOW + MAX_DISPATCH_LIFE_MS }).ok).toBe(true);
  });

  it('by a clock that is a little ahead is acted on', () => {
    expect(verify({ issuedAt: NOW + MAX_CLOCK_SKEW_MS, expiresAt: NOW + MAX_CLOCK_SKEW_MS + 60_000 }).ok).toBe(true);
  });

  it('of a controller that took over is acted on', () => {
    expect(verify({ epoch: 4 }).ok).toBe(true);
  });

  it('signed by any other key is refused', () => {
    const forged = signDispatch(dispatch(), newKey());
    expect(verifyDispatch(forged, publicKey, hostId(1), SEEN, NOW)).toMatchObject({ error: { code: 'bad-signature' } });
  });

  it('with a byte changed after it was signed is refused', () => {
    const envelope = signDispatch(dispatch(), controller);
    const payload = Buffer.from(JSON.stringify(dispatch({ frontier: 5 }))).toString('base64');
    expect(verifyDispatch({ ...envelope, payload }, publicKey, hostId(1), SEEN, NOW)).toMatchObject({
      error: { code: 'bad-signature' },
    });
  });

  it.each([
    ['that is no JSON', 'x'],
    ['with an unknown member', JSON.stringify({ ...dispatch(), force: true })],
  ])('%s is refused, though the controller signed it', (_, text) => {
    const envelope = signEnvelope(PayloadType.dispatch, Buffer.from(text), [controller]);
    expect(verifyDispatch(envelope, publicKey, hostId(1), SEEN, NOW)).toMatchObject({
      error: { code: 'bad-signature' },
    });
  });

  it('is no approval with the same bytes', () => {
    const envelope = signEnvelope(PayloadType.approval, Buffer.from(JSON.stringify(dispatch())), [controller]);
    expect(verifyDispatch(envelope, publicKey, hostId(1), SEEN, NOW).ok).toBe(false);
  });
});
