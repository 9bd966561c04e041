import { assert, present } from '../base/assert.ts';
import { sha256 } from '../base/digest.ts';

/*
 * The Merkle tree hash of RFC 9162 (Certificate Transparency), section 2.1: leaves and inner nodes are hashed under
 * different tags, so that neither can stand for the other, and a list of n leaves has exactly one tree.
 */
const LEAF = Uint8Array.of(0x00);
const INNER = Uint8Array.of(0x01);

/** That a leaf stands at `leafIndex` in a list of `leafCount`: the siblings on the way up, 32 bytes each. */
export interface InclusionProof {
  leafIndex: number;
  leafCount: number;
  path: Uint8Array[];
}

export const leafHash = (leaf: Uint8Array): Buffer => sha256(LEAF, leaf);

/** Root over the leaves' hashes; the list must not be empty. */
export function merkleRoot(leafHashes: readonly Uint8Array[]): Buffer {
  assert(leafHashes.length > 0, 'a Merkle tree needs a leaf');
  if (leafHashes.length === 1) return Buffer.from(present(leafHashes[0], 'leaf'));
  const split = splitPoint(leafHashes.length);
  return sha256(INNER, merkleRoot(leafHashes.slice(0, split)), merkleRoot(leafHashes.slice(split)));
}

/** Every leaf's proof at once: the subtree hashes are computed once, O(n log n) in all. */
export function proveAll(leafHashes: readonly Uint8Array[]): InclusionProof[] {
  const paths: Uint8Array[][] = leafHashes.map(() => []);
  const walk = (from: number, to: number): Buffer => {
    if (to - from === 1) return Buffer.from(present(leafHashes[from], 'leaf'));
    const split = from + splitPoint(to - from);
    const left = walk(from, split);
    const right = walk(split, to);
    for (let index = from; index < to; index++) present(paths[index], 'path').push(index < split ? right : left);
    return sha256(INNER, left, right);
  };
  if (leafHashes.length > 0) walk(0, leafHashes.length);
  return paths.map((path, leafIndex) => ({ leafIndex, leafCount: leafHashes.length, path }));
}

/** The root that this proof leads to, or null where the proof cannot be one (RFC 9162, section 2.1.3.2). */
export function rootFromProof(leaf: Uint8Array, proof: InclusionProof): Buffer | null {
  const { leafIndex, leafCount, path } = proof;
  if (!Number.isSafeInteger(leafIndex) || !Number.isSafeInteger(leafCount)) return null;
  if (leafIndex < 0 || leafIndex >= leafCount) return null;
  let node = leafIndex;
  let last = leafCount - 1;
  let hash: Buffer = leafHash(leaf);
  for (const sibling of path) {
    if (last === 0 || sibling.length !== hash.length) return null;
    if (node % 2 === 1 || node === last) {
      hash = sha256(INNER, sibling, hash);
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2);
        last = Math.floor(last / 2);
      }
    } else {
      hash = sha256(INNER, hash, sibling);
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? hash : null;
}

/** The largest power of two below `count`. */
function splitPoint(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}
