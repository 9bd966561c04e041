import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../base/digest.ts';
import { ByteWriter } from '../merkle/codec.ts';
import { buildInMemory, flatEntries, META_FILE } from '../testing/trees.ts';
import type { Entry } from './entry.ts';
import { decodeNode, type EncodedNode, encodeNode, leafWeight, MAX_LEAF_WEIGHT, MAX_NODE_BYTES } from './node.ts';

const encodedNodes: fc.Arbitrary<EncodedNode> = flatEntries
  .map(entries => [...buildInMemory(entries).nodes.values()])
  .chain(nodes => fc.constantFrom(...nodes));

const fileNamed = (name: string | Buffer): Entry => ({
  name: Buffer.from(name),
  kind: 'file',
  executable: false,
  keyed: false,
  size: 1,
  digest: sha256(Buffer.from('x')),
  normalised: null,
  meta: META_FILE.id,
});

const leafOf = (entries: Entry[], change: { depth?: number; prefix?: Buffer; weight?: number } = {}) =>
  encodeNode({
    type: 'leaf',
    plane: 'software',
    depth: change.depth ?? 0,
    prefix: change.prefix ?? Buffer.alloc(0),
    weight: change.weight ?? leafWeight(entries),
    entries,
  }).data;

const refusal = (data: Uint8Array): string => {
  const node = decodeNode(data);
  return node.ok ? 'accepted' : node.error;
};

describe('the encoding of a node', () => {
  it('reads back to what was written, and writes the same again', () => {
    fc.assert(
      fc.property(encodedNodes, ({ data, id }) => {
        const node = decodeNode(data);
        expect(node.ok).toBe(true);
        if (node.ok) expect(encodeNode(node.value)).toEqual({ id, data });
      }),
      { numRuns: 150 },
    );
  });

  it('is the only one of its value: whatever else is accepted encodes to itself', () => {
    const spoiled = fc
      .tuple(encodedNodes, fc.nat(), fc.nat(255), fc.constantFrom('replace', 'insert', 'delete', 'truncate'))
      .map(([{ data }, position, byte, how]) => {
        const at = position % data.length;
        const rest = how === 'insert' ? data.subarray(at) : how === 'truncate' ? [] : data.subarray(at + 1);
        return Buffer.from([
          ...data.subarray(0, at),
          ...(how === 'delete' || how === 'truncate' ? [] : [byte]),
          ...rest,
        ]);
      });
    fc.assert(
      fc.property(spoiled, data => {
        const node = decodeNode(data);
        if (node.ok) expect(encodeNode(node.value).data).toEqual(data);
      }),
      { numRuns: 800 },
    );
  });

  it('takes no bytes for a node by chance, and never throws', () => {
    const almost = fc.tuple(fc.constantFrom(1, 2, 3), fc.constantFrom(0, 1, 2), fc.uint8Array({ maxLength: 80 }));
    fc.assert(
      fc.property(almost, ([type, plane, rest]) => {
        const data = Buffer.from([type, plane, ...rest]);
        const node = decodeNode(data);
        if (node.ok) expect(encodeNode(node.value).data).toEqual(data);
      }),
      { numRuns: 5_000 },
    );
  });

  it('has a fixed id for a fixed node, for ever', () => {
    const { data, id } = encodeNode({
      type: 'meta',
      meta: { mode: 0o644, owner: 'root', group: 'root', attributes: new Map() },
    });
    expect(data.toString('hex')).toBe('0300a40304726f6f7404726f6f7400');
    expect(id.toString('hex')).toBe('88e5963ef6221449ab7062c9d42d334a7759a2623c08feed97d0f32a4306bdc9');
    const leaf = leafOf([fileNamed('a')]);
    expect(sha256(Buffer.from('tidemark.node.v1\0'), leaf).toString('hex')).toBe(
      '23b4df6843c07555e8bcb7a0955bb64079ad55b8edd4a86aed1c755d940e1239',
    );
  });
});

describe('a node is refused', () => {
  it.each([
    ['an empty name', '', 'the name'],
    ['the name .', '.', 'the name'],
    ['the name ..', '..', 'the name'],
    ['a slash in a name', 'a/b', 'slash or a zero byte'],
    ['a zero byte in a name', 'a\0b', 'slash or a zero byte'],
    ['a file called /', '/', 'slash or a zero byte'],
  ])('with %s', (_, name, reason) => {
    expect(refusal(leafOf([fileNamed(name)]))).toContain(reason);
  });

  it.each([
    ['names that are not in order', leafOf([fileNamed('b'), fileNamed('a')]), 'names are not in order'],
    ['a name twice', leafOf([fileNamed('a'), fileNamed('a')]), 'names are not in order'],
    ['a weight that is not its own', leafOf([fileNamed('a')], { weight: 1 }), 'a leaf of weight 65 says 1'],
    ['a bucket without entries', leafOf([], { depth: 1, prefix: Buffer.from([0]) }), 'a bucket is empty'],
    [
      'a prefix that is longer than its depth',
      leafOf([], { depth: 1, prefix: Buffer.from([1]) }),
      'longer than its depth',
    ],
    ['more bytes than it needs', Buffer.concat([leafOf([fileNamed('a')]), Buffer.alloc(1)]), '1 bytes too many'],
    ['more bytes than any node has', Buffer.alloc(MAX_NODE_BYTES + 1), 'more than the'],
    ['a type that there is not', Buffer.from([9, 1]), 'no node type 9'],
    ['a plane that there is not', Buffer.from([1, 7, 0, 0]), 'no plane 7'],
    ['nothing in it', Buffer.alloc(0), 'the bytes end before the type'],
    ['an integer that is longer than it must be', Buffer.from([1, 1, 0, 0x80, 0x00, 0, 0]), 'shortest form'],
    [
      'an integer beyond 2^53',
      Buffer.from([1, 1, 0, 255, 255, 255, 255, 255, 255, 255, 255]),
      'longer than an integer',
    ],
  ])('with %s', (_, data, reason) => {
    expect(refusal(data)).toContain(reason);
  });

  it('where a name is in a bucket of another hash', () => {
    const prefix = Buffer.from([sha256(Buffer.from('a')).readUInt8(0) & 0xf0]);
    expect(refusal(leafOf([fileNamed('a')], { depth: 1, prefix }))).toBe('accepted');
    const other = Buffer.from([(prefix.readUInt8(0) + 0x10) & 0xf0]);
    expect(refusal(leafOf([fileNamed('a')], { depth: 1, prefix: other }))).toContain('wrong bucket');
  });

  it('where a directory should have been split, or should not', () => {
    const many = Array.from({ length: 250 }, (_, index) => fileNamed(`file-${String(index).padStart(3, '0')}`));
    expect(leafWeight(many)).toBeGreaterThan(MAX_LEAF_WEIGHT);
    expect(refusal(leafOf(many))).toContain('is not split');
    const light = encodeNode({
      ...{ type: 'split', plane: 'software', depth: 0, prefix: Buffer.alloc(0), weight: 100 },
      buckets: [{ half: 3, id: META_FILE.id, weight: 100 }],
    });
    expect(refusal(light.data)).toContain('a directory of weight 100 is split');
  });

  it('with a meta object that is listed and not used, or used and not listed', () => {
    const head = () => new ByteWriter().byte(1).byte(1).byte(0).varint(0);
    expect(refusal(head().varint(1).raw(META_FILE.id).varint(0).finish())).toContain('that no entry uses');
    const entry = new ByteWriter().byte(1).byte(1).byte(0).varint(65).varint(0).varint(1).bytes(Buffer.from('a'));
    expect(refusal(entry.byte(6).byte(0).varint(1).finish())).toContain('position of a meta object');
    const none = new ByteWriter().byte(1).byte(1).byte(0).varint(65).varint(0).varint(1).bytes(Buffer.from('a'));
    expect(refusal(none.byte(6).byte(0).varint(0).finish())).toContain('without a meta object');
  });

  it('with attributes out of order, or text that is not UTF-8', () => {
    const meta = (...parts: Buffer[]) => {
      const writer = new ByteWriter().byte(3).byte(0).varint(0o644).bytes(Buffer.from('a')).bytes(Buffer.from('b'));
      writer.varint(parts.length);
      for (const part of parts) writer.bytes(part).bytes(Buffer.from('value'));
      return writer.finish();
    };
    expect(refusal(meta(Buffer.from('a'), Buffer.from('b')))).toBe('accepted');
    expect(refusal(meta(Buffer.from('b'), Buffer.from('a')))).toContain('not in order');
    expect(refusal(meta(Buffer.from([0xff])))).toContain('is not UTF-8');
  });
});
