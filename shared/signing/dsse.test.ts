import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newKey } from '../testing/samples.ts';
import {
  type Envelope,
  encodeEnvelope,
  PayloadType,
  parseEnvelope,
  preAuthEncoding,
  signEnvelope,
  verifyEnvelope,
} from './dsse.ts';
import { rawPublicKey, signEd25519 } from './ed25519.ts';

const [alice, bob, carol] = [newKey(), newKey(), newKey()];
const keyOf = (key: typeof alice, name: string) => ({ name, publicKey: rawPublicKey(key) });
const payload = Buffer.from('{"plan":"monthly"}');
const signed = signEnvelope(PayloadType.approval, payload, [alice]);

describe('pre-authentication encoding', () => {
  it('is as the specification of DSSE has it', () => {
    expect(preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world')).toString()).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    );
  });

  it('counts bytes, not characters', () => {
    expect(preAuthEncoding('ä', Buffer.from('ö')).toString()).toBe('DSSEv1 2 ä 2 ö');
  });

  it('has another text for every other pair', () => {
    const pair = fc.tuple(fc.string(), fc.string());
    fc.assert(
      fc.property(pair, pair, ([typeA, bodyA], [typeB, bodyB]) => {
        fc.pre(typeA !== typeB || bodyA !== bodyB);
        expect(preAuthEncoding(typeA, Buffer.from(bodyA)).equals(preAuthEncoding(typeB, Buffer.from(bodyB)))).toBe(
          false,
        );
      }),
    );
  });
});

describe('an envelope', () => {
  it('gives exactly the bytes that were signed', () => {
    fc.assert(
      fc.property(fc.uint8Array(), bytes => {
        const envelope = signEnvelope(PayloadType.dispatch, bytes, [alice]);
        const result = verifyEnvelope(envelope, PayloadType.dispatch, [keyOf(alice, 'alice')]);
        expect(result.ok && result.value.payload.equals(Buffer.from(bytes))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('of one type is none of another, also where its type is rewritten', () => {
    const keys = [keyOf(alice, 'alice')];
    expect(verifyEnvelope(signed, PayloadType.dispatch, keys)).toMatchObject({ ok: false });
    const rewritten: Envelope = { ...signed, payloadType: PayloadType.dispatch };
    expect(verifyEnvelope(rewritten, PayloadType.dispatch, keys)).toEqual({
      ok: false,
      error: 'no trusted key signed this',
    });
  });

  it('with another payload is refused', () => {
    const other = { ...signed, payload: Buffer.from('{"plan":"yearly"}').toString('base64') };
    expect(verifyEnvelope(other, PayloadType.approval, [keyOf(alice, 'alice')]).ok).toBe(false);
  });

  it('that signs the payload alone, without its type, is refused', () => {
    const bare = { ...signed, signatures: [{ keyid: '', sig: signEd25519(alice, payload).toString('base64') }] };
    expect(verifyEnvelope(bare, PayloadType.approval, [keyOf(alice, 'alice')]).ok).toBe(false);
  });

  it('counts a key once, however often it signed or is listed', () => {
    const thrice = signEnvelope(PayloadType.approval, payload, [alice, alice, alice]);
    const result = verifyEnvelope(thrice, PayloadType.approval, [keyOf(alice, 'alice'), keyOf(alice, 'also alice')]);
    expect(result.ok && result.value.signedBy.map(key => key.name)).toEqual(['alice']);
  });

  it('finds the signer by the signature: the key id decides nothing', () => {
    const lying = {
      ...signed,
      signatures: signed.signatures.map(each => ({ ...each, keyid: rawPublicKey(bob).toString('hex').slice(0, 16) })),
    };
    const result = verifyEnvelope(lying, PayloadType.approval, [keyOf(bob, 'bob'), keyOf(alice, 'alice')]);
    expect(result.ok && result.value.signedBy.map(key => key.name)).toEqual(['alice']);
  });

  it('says who signed among those who are trusted, and takes no notice of others', () => {
    const both = signEnvelope(PayloadType.approval, payload, [carol, alice, bob]);
    const result = verifyEnvelope(both, PayloadType.approval, [keyOf(alice, 'alice'), keyOf(bob, 'bob')]);
    expect(result.ok && result.value.signedBy.map(key => key.name)).toEqual(['alice', 'bob']);
    expect(verifyEnvelope(both, PayloadType.approval, [])).toMatchObject({ ok: false });
  });
});

describe('the text of an envelope', () => {
  it('reads back', () => {
    expect(parseEnvelope(encodeEnvelope(signed))).toEqual({ ok: true, value: signed });
  });

  it.each([
    ['nothing', ''],
    ['no JSON', 'x'],
    ['no signature', JSON.stringify({ ...signed, signatures: [] })],
    ['65 signatures', JSON.stringify({ ...signed, signatures: Array(65).fill(signed.signatures[0]) })],
    ['an unknown member', JSON.stringify({ ...signed, extra: 1 })],
    ['a payload that is no base64', JSON.stringify({ ...signed, payload: '{}' })],
    ['a payload that is an object', JSON.stringify({ ...signed, payload: {} })],
  ])('with %s is none', (_, text) => {
    expect(parseEnvelope(Buffer.from(text))).toEqual({ ok: false, error: 'this is no DSSE envelope' });
  });
});
