import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ArchiveEntry,
  checkEntry,
  DEFAULT_ENTRY_LIMITS,
  type EntryLimits,
  maxUnpackedBytes,
  noEntriesYet,
  RATIO_FREE_BYTES,
} from './entry-rules.ts';

const RELEASE = { product: 'orders-web', version: '1.4.1' };

const entry = (path: string, other: Partial<ArchiveEntry> = {}): ArchiveEntry => ({
  path,
  type: 'file',
  linkTarget: null,
  sizeBytes: 0,
  mode: 0o644,
  ...other,
});

const link = (path: string, target: string) => entry(path, { type: 'symlink', linkTarget: target, mode: 0o777 });
const directory = (path: string) => entry(path, { type: 'directory', mode: 0o755 });

function readAll(entries: readonly ArchiveEntry[], limits: EntryLimits = DEFAULT_ENTRY_LIMITS) {
  const soFar = noEntriesYet(RELEASE);
  return entries.map(each => checkEntry(each, limits, soFar));
}

const lastOf = (entries: readonly ArchiveEntry[], limits?: EntryLimits) => readAll(entries, limits).at(-1);

describe('an entry of a release archive', () => {
  it('keeps its path, size and the nine permission bits', () => {
    expect(lastOf([entry('bin/server', { sizeBytes: 7, mode: 0o104755 })])).toEqual({
      ok: true,
      value: { kind: 'file', path: 'bin/server', mode: 0o755, sizeBytes: 7 },
    });
  });

  it('loses "./" and doubled slashes', () => {
    expect(lastOf([entry('.//bin/./server')])).toMatchObject({ value: { path: 'bin/server' } });
  });

  it.each([
    ['an absolute path', entry('/etc/passwd'), 'bad-path', 'absolute'],
    ['".."', entry('a/../../b'), 'bad-path', '".."'],
    ['a NUL', entry('a\0b'), 'bad-path', 'NUL'],
    ['no name', entry(''), 'bad-path', 'no name'],
    ['a name that is not UTF-8', entry('a\uFFFD'), 'bad-path', 'UTF-8'],
    ['a path that is too long', entry('ab/'.repeat(2000)), 'bad-path', 'longer'],
    ['a name that is too long', entry('n'.repeat(256)), 'bad-path', 'longer'],
    ['a hard link', entry('a', { type: 'link', linkTarget: 'b' }), 'bad-kind', 'hard link'],
    ['a character device', entry('a', { type: 'character-device' }), 'bad-kind', 'character device'],
    ['a block device', entry('a', { type: 'block-device' }), 'bad-kind', 'block device'],
    ['a FIFO', entry('a', { type: 'fifo' }), 'bad-kind', 'FIFO'],
    ['an unknown type', entry('a', { type: 'V' }), 'bad-kind', '"V"'],
    ['a directory with content', entry('a', { type: 'directory', sizeBytes: 4 }), 'bad-kind', 'content'],
    ['a negative size', entry('a', { sizeBytes: -1 }), 'too-large', 'sound size'],
    ['a file for the release itself', entry('./'), 'bad-path', 'release itself'],
  ] as const)('with %s is refused and named', (_what, bad, code, words) => {
    const result = lastOf([bad]);
    expect(result).toMatchObject({ ok: false, error: { code } });
    if (result && !result.ok) {
      expect(result.error.message).toContain(words);
      expect(result.error.message).toContain("the archive's entry");
    }
  });

  it.each([
    ['twice the same file', [entry('a'), entry('./a')]],
    ['a file where a directory is', [entry('a/b'), entry('a')]],
    ['a link where a directory is implied', [entry('a/b'), link('a', 'c')]],
    ['twice the same directory', [directory('a'), directory('a/')]],
  ])('is refused as a duplicate: %s', (_what, entries) => {
    expect(lastOf(entries)).toMatchObject({ ok: false, error: { code: 'duplicate' } });
  });

  it('may name a directory after what lies in it', () => {
    expect(lastOf([entry('a/b'), directory('a')])).toMatchObject({ ok: true });
  });

  it.each([
    ['a link', [link('a', '.'), entry('a/b')]],
    ['a file', [entry('a'), entry('a/b')]],
  ])('may not lie below %s', (_what, entries) => {
    expect(lastOf(entries)).toMatchObject({ ok: false, error: { code: 'bad-path' } });
  });
});

describe('a symbolic link', () => {
  it.each([
    ['lib/a.so', 'a.so.1'],
    ['lib/a.so', '../other/a.so'],
    ['a', 'b/c'],
    ['x/y/z', '../..'],
    ['a', '.'],
  ])('%s -> %s stays inside and is taken as written', (path, target) => {
    expect(lastOf([link(path, target)])).toEqual({ ok: true, value: { kind: 'symlink', path, target } });
  });

  it.each([
    ['a', '/etc/shadow'],
    ['a', '..'],
    ['a', '../x'],
    ['x/a', '../../x'],
    ['x/a', 'y/../../../z'],
    ['x/a', 'y/..'],
    ['a', ''],
    ['a', 'b\0c'],
  ])('%s -> %j is refused', (path, target) => {
    expect(lastOf([link(path, target)])).toMatchObject({ ok: false, error: { code: 'bad-link' } });
  });
});

describe('the top directory', () => {
  it('called <product>-<version> is taken off every path', () => {
    const results = readAll([directory('./'), directory('orders-web-1.4.1/'), entry('orders-web-1.4.1/bin/server')]);
    expect(results.map(result => (result.ok ? (result.value?.path ?? null) : result.error.code))).toEqual([
      null,
      null,
      'bin/server',
    ]);
  });

  it('admits nothing beside it', () => {
    expect(lastOf([entry('orders-web-1.4.1/a'), entry('b')])).toMatchObject({
      ok: false,
      error: { code: 'outside-top' },
    });
  });

  it('is kept where the first entry lies elsewhere', () => {
    expect(lastOf([entry('a'), entry('orders-web-1.4.1/b')])).toMatchObject({ value: { path: 'orders-web-1.4.1/b' } });
  });
});

describe('the limits', () => {
  const limits: EntryLimits = { ...DEFAULT_ENTRY_LIMITS, maxEntries: 2, maxFileBytes: 100, maxTotalBytes: 150 };

  it.each([
    ['entries', [entry('a'), entry('b'), entry('c')], 'too-many'],
    ['bytes in a file', [entry('a', { sizeBytes: 101 })], 'too-large'],
    ['bytes in all', [entry('a', { sizeBytes: 100 }), entry('b', { sizeBytes: 51 })], 'too-large'],
  ])('hold for %s', (_what, entries, code) => {
    expect(lastOf(entries, limits)).toMatchObject({ ok: false, error: { code } });
  });

  it('refuse what unpacks to far more than its size', () => {
    const bomb: EntryLimits = { ...DEFAULT_ENTRY_LIMITS, archiveBytes: 1000 };
    expect(maxUnpackedBytes(bomb)).toBe(RATIO_FREE_BYTES + 200_000);
    expect(lastOf([entry('a', { sizeBytes: RATIO_FREE_BYTES + 200_000 })], bomb)).toMatchObject({ ok: true });
    expect(lastOf([entry('a', { sizeBytes: RATIO_FREE_BYTES + 200_001 })], bomb)).toMatchObject({
      ok: false,
      error: { code: 'ratio' },
    });
  });
});

describe('whatever the entries are', () => {
  const name = fc.constantFrom('a', 'b', '..', '.', '', 'orders-web-1.4.1', 'c d');
  const path = fc.array(name, { minLength: 1, maxLength: 5 }).map(parts => parts.join('/'));
  const anyEntry = fc.record({
    path,
    type: fc.constantFrom('file', 'directory', 'symlink', 'link'),
    linkTarget: path,
    sizeBytes: fc.constant(0),
    mode: fc.constant(0o644),
  });

  it('no path leaves the release, none is taken twice, and no link leads out of it', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 12 }), entries => {
        const taken = new Map<string, string | null>();
        for (const result of readAll(entries)) {
          if (!result.ok || !result.value) continue;
          const { path: taking, kind } = result.value;
          expect(taking.split('/').every(part => part !== '' && part !== '.' && part !== '..')).toBe(true);
          expect(taken.has(taking)).toBe(false);
          taken.set(taking, kind === 'symlink' ? result.value.target : null);
        }
        for (const [at, target] of taken)
          if (target !== null) expect(follow(at.split('/').slice(0, -1), target, taken, 20)).toBe(true);
      }),
    );
  });
});

/** As a kernel resolves it: every name on the way may be a link. False where it leaves the release. */
function follow(from: string[], target: string, links: Map<string, string | null>, hops: number): boolean {
  if (hops === 0) return true;
  let at = [...from];
  for (const part of target.split('/').filter(each => each !== '' && each !== '.')) {
    if (part === '..') {
      if (at.length === 0) return false;
      at = at.slice(0, -1);
      continue;
    }
    const next = links.get([...at, part].join('/'));
    if (typeof next === 'string') {
      if (!follow(at, next, links, hops - 1)) return false;
      return true;
    }
    at.push(part);
  }
  return true;
}
