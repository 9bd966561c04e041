/*
 * Paths in a table of a million of them are two numbers of 32 bits, so that no text is kept. Two paths with the same numbers
 * (once in 2^64 pairs) are taken for one place; that a file is known is decided by its digest there, not by its path.
 * Byte by byte, so that what begins alike is hashed once.
 */

export interface PathHash {
  a: number;
  b: number;
}

export const EMPTY_PATH: PathHash = { a: 0x811c9dc5 | 0, b: 0x9747b28c | 0 };

/** FNV-1a. */
export const stepA = (a: number, byte: number): number => Math.imul(a ^ byte, 0x01000193);
/** The multiplier of Knuth's multiplicative hashing, rotated so that early bytes reach all bits. */
export const stepB = (b: number, byte: number): number => Math.imul(((b << 5) | (b >>> 27)) ^ byte, 0x9e3779b1);

/** Of a path that goes on behind another: one character a byte. */
export function hashOn(from: PathHash, text: string): PathHash {
  let { a, b } = from;
  for (let at = 0; at < text.length; at++) {
    const byte = text.charCodeAt(at);
    a = stepA(a, byte);
    b = stepB(b, byte);
  }
  return { a, b };
}

/** Of an absolute path, one character a byte; `/` itself is the empty one. */
export const hashPath = (path: string): PathHash => hashOn(EMPTY_PATH, path === '/' ? '' : path);
