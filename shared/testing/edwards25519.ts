import { createHash } from 'node:crypto';

/*
 * Plain arithmetic on edwards25519 (RFC 8032, section 5.1), slow and for tests alone: it forges what a strict verifier
 * must refuse. -x^2 + y^2 = 1 + d x^2 y^2 over the field of p = 2^255 - 19.
 */

export const FIELD = 2n ** 255n - 19n;
export const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

export interface Point {
  x: bigint;
  y: bigint;
}

const mod = (value: bigint, modulus = FIELD): bigint => ((value % modulus) + modulus) % modulus;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = mod(base);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * square);
    square = mod(square * square);
  }
  return result;
}

const inverse = (value: bigint): bigint => power(value, FIELD - 2n);
const D = mod(-121665n * inverse(121666n));
const ROOT_OF_MINUS_ONE = power(2n, (FIELD - 1n) / 4n);

export function add(a: Point, b: Point): Point {
  const product = mod(D * mod(a.x * b.x) * mod(a.y * b.y));
  return {
    x: mod((a.x * b.y + a.y * b.x) * inverse(1n + product)),
    y: mod((a.y * b.y + a.x * b.x) * inverse(1n - product)),
  };
}

export const IDENTITY: Point = { x: 0n, y: 1n };

export function multiply(point: Point, scalar: bigint): Point {
  let result = IDENTITY;
  let doubled = point;
  for (let rest = scalar; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = add(result, doubled);
    doubled = add(doubled, doubled);
  }
  return result;
}

/** The point with this y and an even x, or null where there is none. */
export function pointAt(y: bigint): Point | null {
  const square = mod((y * y - 1n) * inverse(D * y * y + 1n));
  let x = power(square, (FIELD + 3n) / 8n);
  if (mod(x * x) !== square) x = mod(x * ROOT_OF_MINUS_ONE);
  if (mod(x * x) !== square) return null;
  return { x: x % 2n === 0n ? x : FIELD - x, y };
}

const BASE = pointAt(mod(4n * inverse(5n))) as Point;

/** All eight points whose order divides the cofactor. */
export function torsionPoints(): Point[] {
  for (let y = 2n; ; y++) {
    const point = pointAt(y);
    if (!point) continue;
    const torsion = multiply(point, ORDER);
    const multiples = Array.from({ length: 8 }, (_, index) => multiply(torsion, BigInt(index)));
    if (new Set(multiples.map(each => encode(each).toString('hex'))).size === 8) return multiples;
  }
}

export const bytesOf = (number: bigint): Buffer => Buffer.from(number.toString(16).padStart(64, '0'), 'hex').reverse();

export const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);

/** 32 bytes: y, with the lowest bit of x on top. `notCanonical` writes y + p where that fits. */
export const encode = ({ x, y }: Point, notCanonical = false): Buffer =>
  bytesOf((notCanonical ? y + FIELD : y) | ((x & 1n) << 255n));

const hash = (...parts: Uint8Array[]): bigint => numberOf(createHash('sha512').update(Buffer.concat(parts)).digest());

/** The secret scalar of a 32-byte seed. */
export function secretScalar(seed: Uint8Array): bigint {
  const digest = createHash('sha512').update(seed).digest().subarray(0, 32);
  return (numberOf(digest) & ((1n << 254n) - 8n)) | (1n << 254n);
}

export const publicPoint = (secret: bigint): Point => multiply(BASE, secret);

/** S so that [S]B = R + [h]A holds for R = [nonce]B, whatever bytes stand for R. */
export function sign(secret: bigint, nonce: bigint, encodedR: Buffer, encodedA: Buffer, message: Uint8Array): Buffer {
  const s = mod(nonce + hash(encodedR, encodedA, message) * secret, ORDER);
  return Buffer.concat([encodedR, bytesOf(s)]);
}

/** Whether [S]B = R + [h]A: all that a lax verifier asks. */
export function equationHolds(a: Point, r: Point, encodedA: Buffer, message: Uint8Array, signature: Buffer): boolean {
  const h = hash(signature.subarray(0, 32), encodedA, message);
  const left = publicPoint(numberOf(signature.subarray(32)));
  const right = add(r, multiply(a, h));
  return left.x === right.x && left.y === right.y;
}
