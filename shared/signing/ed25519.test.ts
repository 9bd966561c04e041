import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytesOf,
  encode,
  equationHolds,
  FIELD,
  IDENTITY,
  multiply,
  numberOf,
  ORDER,
  pointAt,
  publicPoint,
  secretScalar,
  sign,
  torsionPoints,
} from '../testing/edwards25519.ts';
import { newKey } from '../testing/samples.ts';
import { importPrivateKey, isSoundPublicKey, rawPublicKey, signEd25519, verifyEd25519 } from './ed25519.ts';

const hex = (text: string) => Buffer.from(text, 'hex');
const MESSAGE = Buffer.from('install orders-db 1.4.1 on db01');

describe('Ed25519: RFC 8032, section 7.1', () => {
  it.each([
    {
      name: 'test 1',
      key: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      message: '',
      signature:
        'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    },
    {
      name: 'test 2',
      key: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      message: '72',
      signature:
        '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    },
    {
      name: 'test 3',
      key: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
      message: 'af82',
      signature:
        '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    },
  ])('$name is valid', ({ key, message, signature }) => {
    expect(verifyEd25519(hex(key), hex(message), hex(signature))).toBe(true);
  });
});

describe('Ed25519: own signatures', () => {
  const key = newKey();
  const publicKey = rawPublicKey(key);
  const signature = signEd25519(key, MESSAGE);

  it('are valid', () => {
    expect(verifyEd25519(publicKey, MESSAGE, signature)).toBe(true);
    expect(rawPublicKey(createPublicKey(key)).equals(publicKey)).toBe(true);
  });

  it('are not with any one bit changed, in signature, key or message', () => {
    fc.assert(
      fc.property(fc.nat(511), fc.nat(255), fc.nat(MESSAGE.length * 8 - 1), (inSignature, inKey, inMessage) => {
        expect(verifyEd25519(publicKey, MESSAGE, flip(signature, inSignature))).toBe(false);
        expect(verifyEd25519(flip(publicKey, inKey), MESSAGE, signature)).toBe(false);
        expect(verifyEd25519(publicKey, flip(MESSAGE, inMessage), signature)).toBe(false);
      }),
    );
  });

  it('are not with any other length', () => {
    fc.assert(
      fc.property(fc.nat(130), length => {
        fc.pre(length !== 64);
        const other = Buffer.concat([signature, signature, signature]).subarray(0, length);
        expect(verifyEd25519(publicKey, MESSAGE, other)).toBe(false);
      }),
    );
    for (const length of [0, 31, 33]) {
      const other = Buffer.concat([publicKey, publicKey]).subarray(0, length);
      expect(verifyEd25519(other, MESSAGE, signature)).toBe(false);
      expect(isSoundPublicKey(other)).toBe(false);
    }
  });

  it('never throw, whatever bytes come', () => {
    fc.assert(
      fc.property(bytes(32), bytes(64), fc.uint8Array(), (anyKey, anySignature, message) => {
        expect(verifyEd25519(anyKey, message, anySignature)).toBe(false);
      }),
    );
  });
});

describe('Ed25519: forgeries that a lax verifier may take', () => {
  const secret = secretScalar(Buffer.alloc(32, 7));
  const honest = publicPoint(secret);
  const publicKey = encode(honest);
  const nonce = 4_711n;
  const torsion = torsionPoints();

  it('the arithmetic that forges them makes valid signatures, too', () => {
    const signature = sign(secret, nonce, encode(publicPoint(nonce)), publicKey, MESSAGE);
    expect(verifyEd25519(publicKey, MESSAGE, signature)).toBe(true);
    expect(multiply(honest, ORDER)).toEqual(IDENTITY);
  });

  it('S + L says the same with other bytes', () => {
    const signature = sign(secret, nonce, encode(publicPoint(nonce)), publicKey, MESSAGE);
    const s = numberOf(signature.subarray(32));
    for (let times = 1n; s + times * ORDER < 2n ** 256n; times++) {
      const malleated = Buffer.concat([signature.subarray(0, 32), bytesOf(s + times * ORDER)]);
      expect(verifyEd25519(publicKey, MESSAGE, malleated)).toBe(false);
    }
  });

  it.each([
    ['0', 0n],
    ['L', ORDER],
    ['L - 1', ORDER - 1n],
    ['L + 1', ORDER + 1n],
    ['p', FIELD],
    ['2^256 - 1', 2n ** 256n - 1n],
  ])('S = %s with R = 0, 1, p, L', (_, s) => {
    for (const r of [0n, 1n, FIELD, FIELD - 1n, FIELD + 1n, ORDER]) {
      expect(verifyEd25519(publicKey, MESSAGE, Buffer.concat([bytesOf(r), bytesOf(s)]))).toBe(false);
    }
  });

  it('a key of small order signs every message', () => {
    for (const message of [MESSAGE, Buffer.from('anything else')]) {
      const everything = Buffer.concat([encode(publicPoint(nonce)), bytesOf(nonce)]);
      expect(equationHolds(IDENTITY, publicPoint(nonce), encode(IDENTITY), message, everything)).toBe(true);
      expect(verifyEd25519(encode(IDENTITY), message, everything)).toBe(false);
    }
  });

  it('no key of small order is sound, in any encoding', () => {
    expect(torsion).toHaveLength(8);
    for (const point of torsion) {
      for (const encoding of encodingsOf(point)) expect(isSoundPublicKey(encoding)).toBe(false);
    }
  });

  it('an R of small order is refused, also where the equation holds', () => {
    const atZero = sign(secret, 0n, encode(IDENTITY), publicKey, MESSAGE);
    expect(equationHolds(honest, IDENTITY, publicKey, MESSAGE, atZero)).toBe(true);
    for (const point of torsion) {
      for (const encoding of encodingsOf(point)) {
        expect(verifyEd25519(publicKey, MESSAGE, sign(secret, 0n, encoding, publicKey, MESSAGE))).toBe(false);
      }
    }
  });

  it('a key with y + p for y is refused for all y that fit', () => {
    for (let y = 0n; y < 19n; y++) {
      const point = pointAt(y);
      if (point) expect(isSoundPublicKey(encode(point, true))).toBe(false);
    }
  });
});

describe('Ed25519: private keys', () => {
  const pem = newKey().export({ format: 'pem', type: 'pkcs8' }) as string;

  it('are read from PEM, also sealed with a passphrase', () => {
    expect(importPrivateKey(pem).asymmetricKeyType).toBe('ed25519');
    const sealed = importPrivateKey(pem).export({
      format: 'pem',
      type: 'pkcs8',
      cipher: 'aes-256-cbc',
      passphrase: 'correct horse',
    }) as string;
    expect(rawPublicKey(importPrivateKey(sealed, 'correct horse'))).toEqual(rawPublicKey(importPrivateKey(pem)));
    expect(() => importPrivateKey(sealed, 'wrong horse')).toThrow();
    expect(() => importPrivateKey(sealed)).toThrow();
  });

  it('of another kind are refused by name', () => {
    const other = generateKeyPairSync('x25519').privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
    expect(() => importPrivateKey(other)).toThrow('the key is x25519, not Ed25519');
  });
});

function encodingsOf(point: { x: bigint; y: bigint }): Buffer[] {
  const canonical = encode(point);
  const otherSign = Buffer.from(canonical);
  otherSign[31] = (otherSign[31] ?? 0) ^ 0x80;
  return point.y < 19n ? [canonical, otherSign, encode(point, true)] : [canonical, otherSign];
}

function flip(input: Buffer, bit: number): Buffer {
  const copy = Buffer.from(input);
  const at = Math.floor(bit / 8);
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit % 8));
  return copy;
}

function bytes(length: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: length, maxLength: length });
}
