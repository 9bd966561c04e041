import { packagesSection } from '@tidemark/shared/testing/packages.ts';
import { describe, expect, it } from 'vitest';
import { changesOf } from './changes.ts';
import type { HostView } from './fleet-view.ts';
import { bundleOf, component, host } from './testing/world.ts';

const exact = (name: string, version: string, architecture: string | null = null) => ({
  name,
  version,
  architecture,
  sha256: null,
});
const bundle = { ...bundleOf([]), packages: [exact('demo-svc', '1.1'), exact('libssl3', '3.0.22-1')] };

function viewOf(packages: unknown, more: Partial<HostView> = {}): HostView {
  return {
    host: host('web01', 'demo'),
    components: [component('demo', 'web01', 'web', { product: null, home: null, package: 'demo-svc' })],
    cluster: null,
    subject: {} as HostView['subject'],
    id: 'x',
    facts: packages === undefined ? {} : { packages },
    unreachable: null,
    ...more,
  };
}

const apt = (versions: Record<string, string>, more = {}) => packagesSection('apt', versions, more);
const reasonOf = (view: HostView, of = bundle) => {
  const changes = changesOf(view, of);
  return 'none' in changes ? `${changes.none}: ${changes.reason}` : changes;
};

describe('the packages of a bundle on a host', () => {
  it('are those that are installed there in an older version, with the components that run from them', () => {
    const changes = changesOf(viewOf(apt({ 'demo-svc': '1.0', libssl3: '3.0.9-1', zsh: '5' })), bundle);
    expect(changes).toMatchObject({
      changes: [],
      packages: [
        { from: '1.0', to: { name: 'demo-svc', version: '1.1' }, components: [{ name: 'demo' }] },
        { from: '3.0.9-1', to: { name: 'libssl3', version: '3.0.22-1' }, components: [] },
      ],
    });
  });

  it.each<[string, unknown, string]>([
    ['has none of them', apt({ zsh: '5' }), 'idle: no package of bundle shop-1.4.1 is installed on it'],
    ['has the same version', apt({ 'demo-svc': '1.1' }), 'idle: is on demo-svc 1.1 already'],
    [
      'has a newer one',
      apt({ 'demo-svc': '1:0.1' }),
      'idle: has demo-svc 1:0.1, which is newer than 1.1 of the bundle',
    ],
    ['reports none', undefined, 'idle: its agent reports no packages of the operating system'],
    [
      'reports nonsense',
      { manager: 3, installed: 'all' },
      'idle: its agent reports no packages of the operating system',
    ],
    [
      'reports a version that is none',
      apt({ 'demo-svc': '1.0 --force' }),
      'blocked: its agent reports demo-svc "1.0 --force", which is no version',
    ],
    [
      'holds one',
      apt({ 'demo-svc': '1.0' }, { held: ['demo-svc'] }),
      'blocked: demo-svc is held there: its owner wants no change of it',
    ],
    [
      'has another one half way',
      apt({ 'demo-svc': '1.0' }, { broken: { nginx: 'unpacked' } }),
      'blocked: nginx was left half way there: repair it first, or list package/repair in the policy',
    ],
    [
      'has a manager whose versions nobody here can order',
      packagesSection('emerge', { 'demo-svc': '1.0' }),
      "blocked: its packages are emerge's, whose versions cannot be compared here",
    ],
  ])('are none where it %s', (_, facts, reason) => {
    expect(reasonOf(viewOf(facts))).toBe(reason);
  });

  it('are there in spite of what was left half way where the policy repairs that', () => {
    const view = viewOf(apt({ 'demo-svc': '1.0' }, { broken: { nginx: 'unpacked' } }));
    expect(changesOf(view, bundle, true)).toMatchObject({ packages: [{ from: '1.0', to: { name: 'demo-svc' } }] });
  });

  it('are none where nothing recent is known', () => {
    const view = viewOf(undefined, { facts: null, unreachable: 'its agent is silent' });
    expect(reasonOf(view)).toBe('blocked: its agent is silent');
  });

  it('go by their architecture where the bundle says one', () => {
    const of = { ...bundle, packages: [exact('libc6', '2.37', 'i386')] };
    expect(reasonOf(viewOf(apt({ libc6: '2.37', 'libc6:i386': '2.36' })), of)).toMatchObject({
      packages: [{ from: '2.36' }],
    });
  });

  it('are ordered as rpm does where rpm keeps them', () => {
    const facts = packagesSection('dnf', { 'demo-svc': '1.1^git1-1' });
    // dpkg has it the other way round.
    const packages = [{ ...exact('demo-svc', '1.1.1-1'), family: 'rpm' as const }];
    expect(reasonOf(viewOf(facts), { ...bundle, packages })).toMatchObject({ packages: [{ from: '1.1^git1-1' }] });
  });

  describe('of two families', () => {
    const packages = [exact('demo-svc', '1.1'), { ...exact('demo-svc', '1.1-1'), family: 'rpm' as const }];
    const both = { ...bundle, packages };

    it.each([
      ['apt', '1.0', '1.1'],
      ['dnf', '1.0-1', '1.1-1'],
      ['zypper', '1.0-1', '1.1-1'],
    ])('are for %s those of its own', (manager, from, version) => {
      expect(reasonOf(viewOf(packagesSection(manager, { 'demo-svc': from })), both)).toEqual({
        changes: [],
        packages: [{ from, to: exact('demo-svc', version), components: [expect.objectContaining({ name: 'demo' })] }],
      });
    });

    it('leave a host out for which there is none, and say so', () => {
      expect(reasonOf(viewOf(packagesSection('pacman', { 'demo-svc': '1.0-1' })), both)).toBe(
        'idle: bundle shop-1.4.1 has no pacman packages, which are what pacman installs on it',
      );
    });
  });
});
