import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openSealedKey, SEALED_BYTES, sealingKeysOf, sealKey } from './sealed-key.ts';

const agent = sealingKeysOf(randomBytes(32));
const key = randomBytes(32);

describe('a sealed key', () => {
  it('is opened by the agent that it was sealed to, and by no other', () => {
    const sealed = sealKey(key, agent.publicKey, randomBytes);
    expect(sealed).toHaveLength(SEALED_BYTES);
    expect(openSealedKey(sealed, agent.secretKey)).toEqual(key);
    expect(openSealedKey(sealed, randomBytes(32))).toBeNull();
    expect(sealed.includes(key)).toBe(false);
  });

  it('is refused when a byte of it was changed or it was cut', () => {
    const sealed = sealKey(key, agent.publicKey, randomBytes);
    for (let at = 0; at < sealed.length; at++) {
      const altered = Buffer.from(sealed);
      altered[at] = (altered[at] ?? 0) ^ 1;
      // X25519 ignores the highest bit of a public key (RFC 7748, section 5): byte 31 is changed in its lowest.
      expect(openSealedKey(altered, agent.secretKey)).toBeNull();
    }
    expect(openSealedKey(sealed.subarray(1), agent.secretKey)).toBeNull();
  });
});
