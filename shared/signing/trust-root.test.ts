import type { KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encode, torsionPoints } from '../testing/edwards25519.ts';
import { newKey, sampleTrustRoot } from '../testing/samples.ts';
import { type Envelope, PayloadType, signEnvelope } from './dsse.ts';
import { approversOf, encodeTrustRoot, openFirstTrustRoot, openNextTrustRoot, type TrustRoot } from './trust-root.ts';

const [alice, bob, carol] = [newKey(), newKey(), newKey()];

const sealed = (root: TrustRoot, ...keys: KeyObject[]): Envelope =>
  signEnvelope(PayloadType.trustRoot, encodeTrustRoot(root), keys);

const twoOfThree = sampleTrustRoot([alice, bob, carol], { thresholds: { observe: 0, patch: 1, command: 2 } });

describe('the first trust root', () => {
  it('is opened when those whom it names have signed it', () => {
    const root = sampleTrustRoot([alice]);
    expect(openFirstTrustRoot(sealed(root, alice))).toEqual({ ok: true, value: root });
    expect(approversOf(root)).toMatchObject([{ name: 'approver-1' }]);
  });

  it('needs as many signatures as its highest threshold', () => {
    expect(openFirstTrustRoot(sealed(twoOfThree, alice))).toMatchObject({ ok: false });
    expect(openFirstTrustRoot(sealed(twoOfThree, alice, alice))).toMatchObject({ ok: false });
    expect(openFirstTrustRoot(sealed(twoOfThree, alice, carol))).toMatchObject({ ok: true });
  });

  it('is not opened by a key that it does not name', () => {
    expect(openFirstTrustRoot(sealed(sampleTrustRoot([alice]), bob))).toMatchObject({
      error: 'the trust root: no trusted key signed this',
    });
  });

  it.each([
    ['patch', { observe: 0, patch: 0, command: 1 }],
    ['command', { observe: 0, patch: 1, command: 0 }],
    ['patch', { observe: 0, patch: -1, command: 1 }],
  ])('cannot let %s happen without an approval', (stepClass, thresholds) => {
    const result = openFirstTrustRoot(sealed(sampleTrustRoot([alice], { thresholds }), alice));
    expect(result).toMatchObject({ ok: false, error: expect.stringContaining(`thresholds.${stepClass}`) });
  });

  it('cannot ask for more approvers than may approve', () => {
    const root = sampleTrustRoot([alice, bob], { thresholds: { observe: 0, patch: 1, command: 3 } });
    expect(openFirstTrustRoot(sealed(root, alice, bob))).toMatchObject({
      error: expect.stringContaining('class command needs 3 approvers and only 2 may'),
    });
  });

  it('cannot name one key as two approvers', () => {
    const root = sampleTrustRoot([alice, alice], { thresholds: { observe: 0, patch: 1, command: 2 } });
    expect(openFirstTrustRoot(sealed(root, alice))).toMatchObject({
      error: 'the trust root: two approvers have one key',
    });
  });

  it('cannot name one key as two approvers by writing its base64 in two ways', () => {
    const root = sampleTrustRoot([alice, alice]);
    const [first, second] = root.approvers;
    if (!first || !second) throw new Error('there are two');
    // The last character before the padding holds two bits that belong to no byte.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    const lastIndex = alphabet.indexOf(first.publicKey[42] ?? '');
    second.publicKey = `${first.publicKey.slice(0, 42)}${alphabet[lastIndex ^ 1]}=`;
    expect(Buffer.from(second.publicKey, 'base64')).toEqual(Buffer.from(first.publicKey, 'base64'));
    expect(openFirstTrustRoot(sealed(root, alice))).toMatchObject({
      error: 'the trust root: two approvers have one key',
    });
  });

  it.each([
    ['a key of small order', encode(torsionPoints()[3] ?? { x: 0n, y: 1n })],
    ['31 bytes', Buffer.alloc(31, 1)],
    ['no bytes', Buffer.alloc(0)],
  ])('cannot name %s as a key', (_, key) => {
    const root = sampleTrustRoot([alice]);
    root.approvers.push({ name: 'mallory', publicKey: key.toString('base64'), classes: ['command'] });
    expect(openFirstTrustRoot(sealed(root, alice))).toMatchObject({
      error: 'the trust root: the key of mallory is no Ed25519 key',
    });
  });

  it.each<[string, object]>([
    ['an unknown member', { scope: 'all' }],
    ['no approvers', { approvers: [] }],
    ['version 0', { version: 0 }],
    ['no fleet', { fleet: '' }],
  ])('with %s is refused', (_, change) => {
    const root = { ...sampleTrustRoot([alice]), ...change } as TrustRoot;
    expect(openFirstTrustRoot(sealed(root, alice)).ok).toBe(false);
  });

  it('that is no JSON is refused', () => {
    expect(openFirstTrustRoot(signEnvelope(PayloadType.trustRoot, Buffer.from('x'), [alice])).ok).toBe(false);
  });
});

describe('the next trust root', () => {
  const current = sampleTrustRoot([alice, bob], { thresholds: { observe: 0, patch: 1, command: 2 } });
  const next = sampleTrustRoot([bob, carol], { version: 2, thresholds: { observe: 0, patch: 1, command: 2 } });

  it('is opened with the thresholds of both: the present one and its own', () => {
    expect(openNextTrustRoot(sealed(next, alice, bob, carol), current)).toEqual({ ok: true, value: next });
  });

  it.each([
    ['the new approvers alone', [bob, carol]],
    ['the old approvers alone', [alice, bob]],
    ['one of each', [alice, carol]],
    ['nobody who counts', [newKey()]],
  ])('is not opened by %s', (_, keys) => {
    expect(openNextTrustRoot(sealed(next, ...keys), current).ok).toBe(false);
  });

  it.each([1, 3, 9])('with version %i does not follow version 1', version => {
    const other = sampleTrustRoot([alice, bob], { version });
    expect(openNextTrustRoot(sealed(other, alice, bob), current)).toMatchObject({
      error: `the trust root has version ${version}, version 2 is next`,
    });
  });

  it('of another fleet is refused', () => {
    const other = sampleTrustRoot([alice, bob], { version: 2, fleet: 'prod' });
    expect(openNextTrustRoot(sealed(other, alice, bob), current)).toMatchObject({
      error: 'the trust root is for fleet prod, this server is in lab',
    });
  });
});
