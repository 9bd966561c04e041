import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssertionFailed, present } from '../base/assert.ts';
import { type InclusionProof, leafHash, merkleRoot, proveAll, rootFromProof } from './proof.ts';

/** The leaves that Certificate Transparency's own tests use, and the roots over the first 1, 2, ... 8 of them. */
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(
  hex => Buffer.from(hex, 'hex'),
);
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

const hex = (bytes: Uint8Array | null) => bytes && Buffer.from(bytes).toString('hex');

describe('Merkle tree of RFC 9162', () => {
  it.each(ROOTS.map((root, index) => [index + 1, root] as const))('over %i known leaves has the root %s', (n, root) => {
    expect(hex(merkleRoot(LEAVES.slice(0, n).map(leafHash)))).toBe(root);
  });

  it('over no leaf is a mistake of the program', () => {
    expect(() => merkleRoot([])).toThrow(AssertionFailed);
    expect(proveAll([])).toEqual([]);
  });

  it('the known path of leaf 0 of 8 leads to the root', () => {
    const path = [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ].map(text => Buffer.from(text, 'hex'));
    const proof = { leafIndex: 0, leafCount: 8, path };
    expect(proveAll(LEAVES.map(leafHash))[0]).toEqual(proof);
    expect(hex(rootFromProof(present(LEAVES[0], 'leaf'), proof))).toBe(ROOTS[7]);
  });
});

/** No two leaves are the same: a leaf that stands at two places has a proof for both. */
const tree = fc
  .uniqueArray(fc.uint8Array({ maxLength: 12 }), { minLength: 1, maxLength: 70, selector: leaf => leaf.join() })
  .chain(leaves => fc.record({ leaves: fc.constant(leaves), index: fc.nat(leaves.length - 1) }));

function prove(leaves: readonly Uint8Array[], index: number) {
  const hashes = leaves.map(leafHash);
  return {
    root: merkleRoot(hashes),
    leaf: present(leaves[index], 'leaf'),
    proof: present(proveAll(hashes)[index], 'proof'),
  };
}

/** Whether a proof that was tampered with still leads to the root. */
const stillLeads = (leaf: Uint8Array, proof: InclusionProof, root: Buffer): boolean =>
  rootFromProof(leaf, proof)?.equals(root) ?? false;

const flip = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  const at = Math.floor(bit / 8) % copy.length;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit % 8));
  return copy;
};

describe('inclusion proof', () => {
  it('of every leaf leads to the root', () => {
    fc.assert(
      fc.property(tree, ({ leaves, index }) => {
        const { root, leaf, proof } = prove(leaves, index);
        expect(hex(rootFromProof(leaf, proof))).toBe(hex(root));
      }),
    );
  });

  it('does not lead to it with any bit of the leaf changed, or a byte more', () => {
    fc.assert(
      fc.property(tree, fc.nat(), ({ leaves, index }, bit) => {
        const { root, leaf, proof } = prove(leaves, index);
        expect(stillLeads(Buffer.concat([leaf, Buffer.of(0)]), proof, root)).toBe(false);
        if (leaf.length > 0) expect(stillLeads(flip(leaf, bit), proof, root)).toBe(false);
      }),
    );
  });

  it('does not lead to it with any bit of the path changed', () => {
    fc.assert(
      fc.property(tree, fc.nat(), fc.nat(), ({ leaves, index }, which, bit) => {
        const { root, leaf, proof } = prove(leaves, index);
        fc.pre(proof.path.length > 0);
        const at = which % proof.path.length;
        const path = proof.path.map((sibling, position) => (position === at ? flip(sibling, bit) : sibling));
        expect(stillLeads(leaf, { ...proof, path }, root)).toBe(false);
      }),
    );
  });

  it('does not lead to it from any other position', () => {
    fc.assert(
      fc.property(tree, fc.nat(), ({ leaves, index }, other) => {
        const { root, leaf, proof } = prove(leaves, index);
        const leafIndex = other % leaves.length;
        fc.pre(leafIndex !== index);
        expect(stillLeads(leaf, { ...proof, leafIndex }, root)).toBe(false);
      }),
    );
  });

  it('has a path that is neither shorter nor longer than the tree is high', () => {
    fc.assert(
      fc.property(tree, ({ leaves, index }) => {
        const { leaf, proof } = prove(leaves, index);
        expect(rootFromProof(leaf, { ...proof, path: [...proof.path, Buffer.alloc(32)] })).toBeNull();
        if (proof.path.length > 0) expect(rootFromProof(leaf, { ...proof, path: proof.path.slice(1) })).toBeNull();
      }),
    );
  });

  it.each([
    { leafIndex: 2, leafCount: 2 },
    { leafIndex: -1, leafCount: 2 },
    { leafIndex: 0, leafCount: 0 },
    { leafIndex: 0.5, leafCount: 2 },
    { leafIndex: Number.NaN, leafCount: 2 },
    { leafIndex: 0, leafCount: Number.POSITIVE_INFINITY },
    { leafIndex: 0, leafCount: 2 ** 60 },
  ])('cannot be for leaf $leafIndex of $leafCount', position => {
    expect(rootFromProof(Buffer.from('a'), { ...position, path: [Buffer.alloc(32)] })).toBeNull();
  });

  it.each([0, 31, 33])('takes no sibling of %i bytes', size => {
    expect(rootFromProof(Buffer.from('a'), { leafIndex: 0, leafCount: 2, path: [Buffer.alloc(size)] })).toBeNull();
  });

  it('does not take an inner node for a leaf', () => {
    const [left, right] = [leafHash(Buffer.from('a')), leafHash(Buffer.from('b'))];
    const root = merkleRoot([left, right]);
    const forged = Buffer.concat([left, right]);
    expect(stillLeads(forged, { leafIndex: 0, leafCount: 1, path: [] }, root)).toBe(false);
    expect(stillLeads(Buffer.concat([Buffer.of(1), forged]), { leafIndex: 0, leafCount: 1, path: [] }, root)).toBe(
      false,
    );
  });

  it('does not lead to it for the last of five leaves in a tree of any other size', () => {
    const { root, leaf, proof } = prove(LEAVES.slice(0, 5), 4);
    const others = [1, 2, 3, 4, 6, 7, 8, 9].filter(leafCount => stillLeads(leaf, { ...proof, leafCount }, root));
    expect(others).toEqual([]);
  });
});
