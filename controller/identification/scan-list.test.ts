import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFileList, encodeFileList, FILE_FLAGS, type ListedFile } from '../harvest/file-list.ts';
import { logicalPath } from './directories.ts';
import { flagBits } from './library.ts';
import { hashPath } from './path-hash.ts';
import { PathTable } from './path-table.ts';
import { scanList } from './scan-list.ts';

const name = fc.constantFrom(
  'bin',
  'lib',
  'lib64',
  'libx32',
  'library',
  'sbin',
  'usr',
  'etc',
  'a',
  'a-b',
  'ü\xff',
  'x'.repeat(300),
);
const path = fc.array(name, { minLength: 1, maxLength: 6 }).map(names => `/${names.join('/')}`);
const file = fc.record({
  path,
  kind: fc.constantFrom('file' as const, 'directory' as const, 'symlink' as const, 'member' as const),
  flags: fc.subarray([...FILE_FLAGS]),
  mode: fc.option(fc.nat(0o7777)),
  owner: fc.option(fc.constantFrom('root', 'daemon')),
  group: fc.option(fc.constantFrom('root', 'adm')),
  size: fc.nat(2 ** 40),
  sha256: fc.option(fc.constantFrom('ab'.repeat(32), '00'.repeat(32))),
  target: fc.constant(null as string | null),
  more: fc.constantFrom({}, { capabilities: '' }, { capabilities: 'cap_net_raw=ep' }),
});
const list = fc.uniqueArray(file, { selector: each => each.path, maxLength: 40 }).map(files =>
  files.map(
    ({ more, ...each }): ListedFile => ({
      ...{ ...each, ...more },
      ...(each.kind === 'symlink' ? { sha256: null, target: `to ${each.path}` } : {}),
    }),
  ),
);

describe('a list that is gone over', () => {
  it('has the files that decoding it gives, at the paths of a merged system', () => {
    fc.assert(
      fc.property(list, files => {
        const bytes = encodeFileList(files);
        const seen: unknown[] = [];
        scanList(bytes, {
          directory: () => {},
          file: each =>
            seen.push({
              path: each.path.toString('latin1', 0, each.pathBytes),
              hash: [each.a, each.b],
              kind: each.kind,
              flags: each.flags,
              sha256: bytes.toString('hex', each.digestAt, each.digestAt + each.digestBytes),
              target: bytes.toString('latin1', each.targetAt, each.targetAt + each.targetBytes),
              capabilities: bytes.toString('latin1', each.capabilitiesAt, each.capabilitiesAt + each.capabilitiesBytes),
            }),
        });
        const expected = decodeFileList(bytes).map(each => {
          // A link at /lib itself is what makes a system merged.
          const merged = /^\/[^/]+$/.test(each.path) ? each.path : logicalPath(each.path);
          const { a, b } = hashPath(merged);
          return {
            ...{ path: merged, hash: [a, b], kind: each.kind, flags: flagBits(each.flags) },
            ...{ sha256: each.sha256 ?? '', target: each.target ?? '', capabilities: each.capabilities ?? '' },
          };
        });
        expect(seen).toEqual(expected);
      }),
    );
  });

  it('comes to every directory above a file, whatever else is in the list', () => {
    fc.assert(
      fc.property(list, files => {
        const bytes = encodeFileList(files);
        const came = new Set<string>();
        scanList(bytes, { directory: (a, b) => came.add(`${a} ${b}`), file: () => {} });
        for (const each of files) {
          const merged = /^\/[^/]+$/.test(each.path) ? each.path : logicalPath(each.path);
          for (let slash = merged.lastIndexOf('/'); slash >= 0; slash = merged.lastIndexOf('/', slash - 1)) {
            const { a, b } = hashPath(merged.slice(0, slash) || '/');
            expect(came.has(`${a} ${b}`), merged.slice(0, slash)).toBe(true);
            if (slash === 0) break;
          }
        }
      }),
    );
  });
});

it('finds in a table what was put there last, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer(), fc.integer(), fc.nat()), { maxLength: 3_000 }), puts => {
      const table = new PathTable();
      const expected = new Map<string, number>();
      for (const [a, b, value] of puts) {
        table.set(a | 0, b | 0, value);
        expected.set(`${a | 0} ${b | 0}`, value);
      }
      for (const [key, value] of expected) {
        const [a = 0, b = 0] = key.split(' ').map(Number);
        expect(table.get(a, b)).toBe(value);
      }
      if (!expected.has('1 2')) expect(table.get(1, 2)).toBeUndefined();
    }),
    { numRuns: 30 },
  );
});
