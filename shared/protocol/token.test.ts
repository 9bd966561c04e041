import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeToken, parseToken } from './token.ts';

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytes => Buffer.from(bytes));
const anyToken = fc.record({
  id: fc.uint8Array({ minLength: 8, maxLength: 8 }).map(bytes => Buffer.from(bytes).toString('hex')),
  secret: bytes32,
  authorityKeyHash: bytes32,
});

describe('an enrolment token', () => {
  it('reads as what was written, also where its parts hold underscores', () => {
    fc.assert(
      fc.property(anyToken, token => {
        const text = encodeToken(token);
        expect(text).toHaveLength(108);
        expect(parseToken(text)).toEqual({ ok: true, value: token });
        expect(parseToken(`  ${text}\n`)).toEqual({ ok: true, value: token });
      }),
    );
  });

  it('is refused when any character of it is lost', () => {
    fc.assert(
      fc.property(anyToken, fc.nat(107), (token, position) => {
        const text = encodeToken(token);
        expect(parseToken(text.slice(0, position) + text.slice(position + 1)).ok).toBe(false);
      }),
    );
  });

  const zeros = encodeToken({ id: '0'.repeat(16), secret: Buffer.alloc(32), authorityKeyHash: Buffer.alloc(32) });
  it.each([
    ['nothing', ''],
    ['another version', zeros.replace('tm1', 'tm2')],
    ['spare bits that are set', `${zeros.slice(0, -1)}B`],
    ['two tokens', `${zeros} ${zeros}`],
    ['a secret in plain base64', zeros.replace('A', '+')],
  ])('is refused: %s', (_, text) => {
    expect(parseToken(text).ok).toBe(false);
  });
});
