import { err, ok, type Result } from '../base/result.ts';

/**
 * What a person carries from the controller to a new server: `tm1_<id>_<secret>_<CA key hash>`. The secret shows the
 * server to the controller, once; the hash shows the controller to the server, so that it tells its secret to nobody else.
 */
export interface EnrolmentToken {
  /** Finds the token's record; no secret. */
  id: string;
  /** 32 random bytes. */
  secret: Buffer;
  /** SHA-256 of the root's public key (DER, SubjectPublicKeyInfo), 32 bytes. */
  authorityKeyHash: Buffer;
}

// 32 bytes are 43 characters of base64url, which may hold `_` themselves: only their number tells the parts apart.
const PATTERN = /^tm1_([0-9a-f]{16})_([A-Za-z0-9_-]{43})_([A-Za-z0-9_-]{43})$/;

export const encodeToken = (token: EnrolmentToken): string =>
  `tm1_${token.id}_${token.secret.toString('base64url')}_${token.authorityKeyHash.toString('base64url')}`;

/** Reads a token, white space around it forgiven: it is pasted, or read from a file with a line end. */
export function parseToken(text: string): Result<EnrolmentToken, string> {
  const [, id, secret, hash] = PATTERN.exec(text.trim()) ?? [];
  if (id === undefined || secret === undefined || hash === undefined) {
    return err('this is no enrolment token: one looks like tm1_<id>_<secret>_<key hash> and has 108 characters');
  }
  const token = {
    id,
    secret: Buffer.from(secret, 'base64url'),
    authorityKeyHash: Buffer.from(hash, 'base64url'),
  };
  // The last character has two bits to spare: one token, one text.
  return encodeToken(token) === text.trim()
    ? ok(token)
    : err('this is no enrolment token: its last characters were changed');
}
