import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestFromBytes, digestOf, digestToBytes, isDigest, sha256, shortDigest } from './digest.ts';

describe('digest', () => {
  it.each([
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ])('of %j is what FIPS 180-4 says', (text, hex) => {
    expect(digestOf(Buffer.from(text))).toBe(`sha256:${hex}`);
  });

  it('over parts is the digest over all of them, one after the other', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), parts => {
        expect(sha256(...parts).equals(sha256(Buffer.concat(parts)))).toBe(true);
      }),
    );
  });

  it('is the same as text and as bytes', () => {
    const digest = digestOf(Buffer.from('abc'));
    expect(digestFromBytes(digestToBytes(digest))).toBe(digest);
    expect(shortDigest(digest)).toBe('ba7816bf8f01');
  });

  it.each([
    `sha256:${'a'.repeat(63)}`,
    `sha256:${'a'.repeat(65)}`,
    `sha256:${'A'.repeat(64)}`,
    `sha256:${'g'.repeat(64)}`,
    `sha512:${'a'.repeat(64)}`,
    'a'.repeat(64),
    `sha256:${'a'.repeat(64)}\n`,
    ` sha256:${'a'.repeat(64)}`,
    '',
  ])('is not %j', text => {
    expect(isDigest(text)).toBe(false);
  });
});
