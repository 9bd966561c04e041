import { createPublicKey, type KeyObject, sign } from 'node:crypto';

/*
 * A PKCS#10 request (RFC 2986) with an empty subject: the controller takes the public key from it and nothing else. A
 * page of DER here spares the agent a certificate library, which would cost it 20 MB of memory at each renewal.
 */

const SEQUENCE = 0x30;
const ATTRIBUTES = 0xa0;
const INTEGER_ZERO = Buffer.from('020100', 'hex');
/** SEQUENCE { OBJECT IDENTIFIER ecdsa-with-SHA256 } (RFC 5758). */
const ECDSA_WITH_SHA256 = Buffer.from('300a06082a8648ce3d040302', 'hex');

/** The request, DER, for an ECDSA P-256 key: its signature proves that whoever asks has the key. */
export function certificateRequest(privateKey: KeyObject): Buffer {
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const info = der(SEQUENCE, INTEGER_ZERO, der(SEQUENCE), publicKey, der(ATTRIBUTES));
  const signature = sign('sha256', info, privateKey);
  return der(SEQUENCE, info, ECDSA_WITH_SHA256, der(0x03, Buffer.of(0), signature));
}

/** Tag, length, content. */
function der(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const length =
    body.length < 0x80
      ? Buffer.of(body.length)
      : body.length < 0x100
        ? Buffer.of(0x81, body.length)
        : Buffer.of(0x82, body.length >> 8, body.length & 0xff);
  return Buffer.concat([Buffer.of(tag), length, body]);
}
