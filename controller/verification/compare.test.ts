import { Buffer } from 'node:buffer';
import type { Plane } from '@tidemark/shared/fingerprint/profile.ts';
import { describe, expect, it } from 'vitest';
import type { HostChange } from './changes.ts';
import { classifyChanges } from './compare.ts';
import { counts } from './differences.ts';
import { entryOf, NEW, OLD, RELEASES, releaseOf } from './testing.ts';

const HOME = '/opt/orders-db';
const COMPARISON = {
  hostA: 'db01',
  hostB: 'db02',
  relation: 'peers' as const,
  sameRole: true,
  sameKey: true,
  products: [{ product: 'orders-db', home: HOME }],
  releases: RELEASES,
  profile: {
    name: 'applications',
    version: 1,
    roots: [{ path: '/opt', plane: 'software' as const }],
    ignore: [],
    expect: [
      { path: '/etc/host.conf', how: 'free' as const, reason: 'names the host' },
      { path: '/opt/**/cache/**', how: 'generated' as const, reason: 'a cache' },
    ],
  },
};

/** A path with what it is on each host; null where it is not. */
function changeAt(path: string, a: string | null, b: string | null): HostChange {
  const name = path.split('/').at(-1) ?? '';
  const [before, after] = [a === null ? null : entryOf(name, a), b === null ? null : entryOf(name, b)];
  const change = before && after ? 'changed' : before ? 'removed' : 'added';
  return { change, path: Buffer.from(path), before, after, metas: { before: null, after: null } } as HostChange;
}

const classify = (changes: HostChange[], plane: Plane = 'software') => classifyChanges(changes, plane, COMPARISON);
const inRelease = (path: string) => `${HOME}/releases/1.4.1/${path}`;

describe('a difference between two hosts', () => {
  it.each([
    ['patch-skew', `${HOME}/current`, '-> releases/1.4.0', '-> releases/1.4.1'],
    ['partial-patch', inRelease('lib/core.js'), OLD['lib/core.js'], NEW['lib/core.js']],
    ['modified-packaged', inRelease('lib/core.js'), NEW['lib/core.js'], 'edited'],
    ['modified-packaged', inRelease('lib/core.js'), 'edited', NEW['lib/core.js']],
    ['missing-packaged', inRelease('lib/new.js'), NEW['lib/new.js'], null],
    ['partial-patch', inRelease('lib/old.js'), null, OLD['lib/old.js']],
    ['unmanaged-executable', inRelease('bin/x'), null, '#!x'],
    ['unmanaged-data', `${HOME}/notes`, 'x', 'y'],
    ['unstable', inRelease('lib/core.js'), NEW['lib/core.js'], 'unstable'],
  ])('is %s where %s is %s here and %s there', (kind, path, a, b) => {
    expect(classify([changeAt(path, a, b)])).toMatchObject([{ class: kind, product: 'orders-db', path }]);
  });

  it('is patch-skew for every file of a release that only one has', () => {
    const changes = [
      changeAt(`${HOME}/releases/1.4.1`, null, 'directory'),
      changeAt(inRelease('lib/new.js'), null, NEW['lib/new.js']),
      changeAt(inRelease('edited'), null, 'x'),
    ];
    expect(classify(changes).map(({ class: kind, note }) => `${kind}: ${note}`)).toEqual([
      'patch-skew: release 1.4.1 is only on db02',
      'patch-skew: release 1.4.1 is only on db02',
    ]);
  });

  it('belongs to no product outside of every home', () => {
    expect(classify([changeAt('/opt/orders-db2/x', null, 'x')])).toMatchObject([{ product: null }]);
  });

  it('of configuration is expected where the profile says so, and else drift', () => {
    const found = classify([changeAt('/etc/host.conf', 'a', 'b'), changeAt('/etc/app.conf', 'a', 'b')], 'config');
    expect(found.map(({ class: kind, note }) => `${kind}: ${note}`)).toEqual([
      'config-expected: names the host',
      'config-drift: the contents differ',
    ]);
  });

  it('of software is not excused by a rule for configuration', () => {
    expect(classify([changeAt('/etc/host.conf', 'a', '#!b')])).toMatchObject([{ class: 'unmanaged-executable' }]);
  });

  it.each([
    ['differs', 'a', 'b'],
    ['is on one of them only', null, 'b'],
    ['changed while it was read', 'a', 'unstable'],
  ])('of what hosts make themselves is generated where it %s', (_what, a, b) => {
    const [found] = classify([changeAt(`${HOME}/cache/x`, a, b)]);
    expect(found).toMatchObject({ class: 'generated', note: 'a cache' });
    expect(found && counts(found)).toBe(false);
  });

  it('is no cache where it runs, or where a release has it', () => {
    const cached = releaseOf('1.4.1', { 'cache/core.js': 'core' });
    const changes = [
      changeAt(`${HOME}/cache/x`, null, '#!x'),
      changeAt(`${HOME}/releases/1.4.1/cache/core.js`, 'core', 'x'),
    ];
    const found = classifyChanges(changes, 'software', { ...COMPARISON, releases: [cached] });
    expect(found.map(({ class: kind }) => kind)).toEqual(['unmanaged-executable', 'modified-packaged']);
  });

  it('of secrets under two keys says nothing but that', () => {
    const keyed = (content: string) => ({ ...entryOf('key', content), keyed: true });
    const change = { ...changeAt('/etc/key', 'a', 'b'), before: keyed('a'), after: keyed('b') } as HostChange;
    const of = (sameKey: boolean) => classifyChanges([change], 'config', { ...COMPARISON, sameKey })[0]?.class;
    expect([of(true), of(false)]).toEqual(['config-drift', 'unscanned']);
  });

  it('of meta alone names modes and owners', () => {
    const meta = (mode: number) => ({ mode, owner: 'root', group: 'app', attributes: new Map() });
    const change = {
      ...changeAt('/opt/x', 'a', 'a'),
      change: 'meta-changed',
      metas: { before: meta(0o755), after: meta(0o4755) },
    };
    expect(classify([change as HostChange])).toMatchObject([
      { class: 'meta-drift', expected: '0755 root:app', found: '4755 root:app' },
    ]);
  });
});
