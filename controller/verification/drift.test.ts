import { describe, expect, it } from 'vitest';
import { groupDifferences } from './differences.ts';
import { driftElsewhere, driftOfProduct, skewAgainstPeer } from './drift.ts';
import { identifyProduct } from './identify.ts';
import { foundOf, homeOf, NEW, OLD, RELEASES } from './testing.ts';

const AT = { product: 'orders-db', home: '/opt/orders-db' };
const verdictOf = (files: Record<string, string>, mode?: Record<string, number>) =>
  identifyProduct(AT, foundOf(files, mode), RELEASES);
const driftOf = (files: Record<string, string>, mode?: Record<string, number>) =>
  driftOfProduct(verdictOf(files, mode), RELEASES);
const inRelease = (change: Record<string, string | undefined>) => {
  const files = Object.entries({ ...NEW, ...change }).filter((file): file is [string, string] => file[1] !== undefined);
  return homeOf(['1.4.1', Object.fromEntries(files)]);
};

describe('drift against the signatures', () => {
  it('is none where the deployed and the retained release are whole', () => {
    expect(driftOf(homeOf(['1.4.1', NEW], ['1.4.0', OLD]))).toEqual([]);
  });

  it.each([
    ['modified-packaged', { 'lib/core.js': 'edited' }, 'lib/core.js'],
    ['missing-packaged', { 'lib/new.js': undefined }, 'lib/new.js'],
    ['partial-patch', { 'lib/core.js': OLD['lib/core.js'] }, 'lib/core.js'],
    ['partial-patch', { 'lib/old.js': OLD['lib/old.js'] }, 'lib/old.js'],
    ['unmanaged-executable', { 'bin/backdoor': '#!/bin/sh' }, 'bin/backdoor'],
    ['unmanaged-data', { 'notes.txt': 'x' }, 'notes.txt'],
    ['unstable', { 'lib/core.js': 'unstable' }, 'lib/core.js'],
  ])('is %s where a release has %o', (kind, change, path) => {
    const found = driftOf(inRelease(change));
    expect(found).toMatchObject([
      { class: kind, product: 'orders-db', plane: 'software', path: `/opt/orders-db/releases/1.4.1/${path}` },
    ]);
  });

  it('has the expected and the found digest, the version and the reason', () => {
    expect(driftOf(inRelease({ 'lib/core.js': 'edited' }))).toEqual([
      {
        class: 'modified-packaged',
        product: 'orders-db',
        version: '1.4.1',
        plane: 'software',
        path: '/opt/orders-db/releases/1.4.1/lib/core.js',
        expected: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
        found: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
        note: 'in release 1.4.1: not what any release of orders-db has',
      },
    ]);
  });

  it('is meta-drift where a program has lost its x bit', () => {
    const found = driftOf(homeOf(['1.4.1', NEW]), { 'releases/1.4.1/bin/serve': 0o644 });
    expect(found).toMatchObject([{ class: 'meta-drift', expected: 'executable', found: 'mode 0644' }]);
  });

  it('names what lies in the home and in no release, but never the link to the release', () => {
    const found = driftOf({ ...homeOf(['1.4.1', NEW]), 'run/me': '#!x', state: 'directory' });
    expect(found.map(({ class: kind, path }) => `${kind} ${path}`)).toEqual([
      'unmanaged-executable /opt/orders-db/run/me',
    ]);
  });

  it('is missing-packaged where no release is in use, with the reason', () => {
    expect(driftOf({ current: '-> releases/9' })).toMatchObject([
      { class: 'missing-packaged', path: '/opt/orders-db/current' },
    ]);
  });

  it('is patch-skew where a directory completely holds another version', () => {
    expect(driftOf(homeOf(['1.4.1', OLD]))).toMatchObject([{ class: 'patch-skew', expected: '1.4.1', found: '1.4.0' }]);
  });

  it('is patch-skew where a peer has another version', () => {
    const [own, peer] = [verdictOf(homeOf(['1.4.0', OLD])), verdictOf(homeOf(['1.4.1', NEW]))];
    expect(skewAgainstPeer(own, 'db01', peer)).toMatchObject([
      { class: 'patch-skew', expected: '1.4.1', found: '1.4.0' },
    ]);
    expect(skewAgainstPeer(own, 'db01', own)).toEqual([]);
  });

  it('leaves configuration to the comparison with peers', () => {
    const files = foundOf({ 'etc/x.conf': 'x', 'etc/run': '#!x' });
    for (const file of files.values()) if (file.entry.kind === 'file' && !file.entry.executable) file.plane = 'config';
    expect(driftElsewhere(files).map(({ path }) => path)).toEqual(['etc/run']);
  });
});

describe('a report', () => {
  it('groups by cause, the worst first, then by product, then by path', () => {
    const found = driftOf(inRelease({ 'z.txt': 'z', 'a.txt': 'a', 'lib/core.js': 'edited', 'lib/new.js': undefined }));
    const groups = groupDifferences([...found.toReversed(), ...driftElsewhere(foundOf({ '/opt/other': 'x' }))]);
    expect(groups.map(({ class: kind, product, entries }) => [kind, product, entries.length])).toEqual([
      ['missing-packaged', 'orders-db', 1],
      ['modified-packaged', 'orders-db', 1],
      ['unmanaged-data', null, 1],
      ['unmanaged-data', 'orders-db', 2],
    ]);
    expect(groups[3]?.entries[0]?.path).toMatch(/a\.txt$/);
  });
});
