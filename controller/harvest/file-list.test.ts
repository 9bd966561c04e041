import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFileList, encodeFileList, FILE_FLAGS, type ListedFile } from './file-list.ts';

const bytes = fc.uint8Array({ minLength: 1, maxLength: 24 }).map(each => Buffer.from(each).toString('latin1'));
const name = fc.option(bytes);
const sha256 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(each => Buffer.from(each).toString('hex'));

const file: fc.Arbitrary<ListedFile> = fc
  .record({
    path: bytes.map(each => `/${each}`),
    flags: fc.subarray([...FILE_FLAGS]),
    mode: fc.option(fc.nat(0o7777)),
    owner: name,
    group: name,
    size: fc.nat(),
    content: fc.oneof(
      fc.record({ kind: fc.constantFrom('file' as const, 'member' as const), sha256: fc.option(sha256) }),
      fc.record({ kind: fc.constant('symlink' as const), target: bytes }),
      fc.record({ kind: fc.constant('directory' as const) }),
    ),
  })
  .map(({ content, ...rest }) => ({ sha256: null, target: null, ...rest, ...content }));

const files = fc.uniqueArray(file, { selector: each => each.path, maxLength: 40 });

describe('a list of files', () => {
  it('comes back as it was, sorted by the bytes of its paths, whatever order it had', () => {
    fc.assert(
      fc.property(files, list => {
        const sorted = list.toSorted((a, b) => Buffer.from(a.path, 'latin1').compare(Buffer.from(b.path, 'latin1')));
        expect(decodeFileList(encodeFileList(list))).toEqual(sorted);
        expect(encodeFileList(list.toReversed()).equals(encodeFileList(list))).toBe(true);
      }),
    );
  });

  it('is refused where it was cut, or is followed by anything', () => {
    fc.assert(
      fc.property(files, fc.double({ min: 0, max: 1, noNaN: true }), (list, share) => {
        const encoded = encodeFileList(list);
        const cut = encoded.subarray(0, Math.min(encoded.length - 1, Math.floor(encoded.length * share)));
        expect(() => decodeFileList(cut)).toThrow();
        expect(() => decodeFileList(Buffer.concat([encoded, Buffer.from([0])]))).toThrow();
      }),
    );
  });
});
