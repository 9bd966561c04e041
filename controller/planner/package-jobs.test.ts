import { packagesSection } from '@tidemark/shared/testing/packages.ts';
import { describe, expect, it } from 'vitest';
import type { CompileInput } from './input.ts';
import { bundleOf, component, errorsOf, factsOf, hostIdOf, planned, shop } from './testing/world.ts';

type World = Omit<CompileInput, 'policy'>;

const exact = (name: string, version: string) => ({ name, version, architecture: null, sha256: null });

/** The shop, where orders-web runs from a package and two of the hosts have an old one. */
function packaged(names: readonly string[], installed: Record<string, Record<string, string>>): Partial<World> {
  const world = shop();
  const facts = new Map(world.facts);
  for (const [name, packages] of Object.entries(installed)) {
    const before = facts.get(hostIdOf(name)) ?? factsOf([]);
    facts.set(hostIdOf(name), {
      ...before,
      facts: { ...before.facts, packages: packagesSection('apt', packages) },
    });
  }
  const components = world.landscape.components.map(each =>
    each.name === 'orders-web'
      ? component('orders-web', each.host, 'web', { product: null, home: null, package: 'demo-svc' })
      : each,
  );
  return {
    facts,
    landscape: { ...world.landscape, components },
    bundle: { ...bundleOf([]), packages: names.map(name => exact(name, '1.1')) },
  };
}

const only = { select: 'host.name.startsWith("web") || host.name == "app01"' };

describe('the order of a host whose packages are old', () => {
  const world = packaged(['demo-svc'], {
    web01: { 'demo-svc': '1.0' },
    web02: { 'demo-svc': '1.1' },
    app01: { zsh: '5' },
  });

  it('fetches before it stops, upgrades in one job, and starts again', () => {
    const plan = planned(only, world);
    expect(plan.orders.map(order => order.host.name)).toEqual(['web01']);
    expect(plan.orders[0]?.jobs.map(job => job.name)).toEqual([
      'check free space on web01',
      'refresh package lists on web01',
      'fetch demo-svc 1.1 on web01',
      'stop service orders-web on web01',
      'upgrade demo-svc 1.0 -> 1.1 on web01',
      'start service orders-web on web01',
      'check health of service orders-web on web01',
    ]);
  });

  it('goes back to the versions that the facts say', () => {
    const upgrade = planned(only, world).orders[0]?.jobs.find(job => job.step === 'upgrade');
    expect(upgrade).toMatchObject({
      component: 'orders-web',
      call: { kind: 'package/upgrade', args: { packages: [exact('demo-svc', '1.1')], conffiles: 'keep' } },
      undo: { kind: 'package/upgrade', args: { packages: [exact('demo-svc', '1.0')] } },
      onFailure: 'undo-host',
    });
  });

  it('leaves out the others, each with its reason, and says what changes', () => {
    const { header } = planned(only, world);
    expect(header.excluded.map(({ host, reason }) => [host, reason])).toEqual([
      ['app01', expect.stringContaining('no package of bundle shop-1.4.1 is installed on it')],
      ['web02', 'is on demo-svc 1.1 already'],
    ]);
    expect(header.hosts.map(({ changes }) => changes)).toEqual([
      [{ component: 'orders-web', product: 'demo-svc', from: '1.0', to: '1.1' }],
    ]);
  });

  it('stops all that the host has for a package that no component names', () => {
    const plan = planned(
      { select: 'host.name == "led01"', tiers: '[{name: web}, {name: app}, {name: db}]' },
      packaged(['libssl3'], { led01: { libssl3: '1.0' } }),
    );
    const jobs = plan.orders[0]?.jobs ?? [];
    expect(jobs.map(job => job.id).filter(id => /^(stop|upgrade|start)/.test(id))).toEqual([
      'stop:ledger-web',
      'stop:ledger-app',
      'upgrade',
      'start:ledger-app',
      'start:ledger-web',
    ]);
    expect(jobs.find(job => job.id === 'stop:ledger-app')?.reason).toBe(
      'package libssl3 changes, and no component names it: anything may use it',
    );
  });

  it('names a few of many packages, and passes on what the policy says', () => {
    const names = ['a1', 'b1', 'c1', 'd1', 'e1'];
    const plan = planned(
      {
        select: 'host.name == "web01"',
        clusters: null,
        steps: '[{id: up, uses: package/upgrade, with: {conffiles: replace, others: allow, lockWait: 1m}}]',
      },
      packaged(names, { web01: Object.fromEntries(names.map(name => [name, '1.0'])) }),
    );
    const [job] = plan.orders[0]?.jobs ?? [];
    expect(job?.name).toBe('upgrade a1 1.0 -> 1.1, b1 1.0 -> 1.1, c1 1.0 -> 1.1 and 2 more on web01');
    expect(job?.call.args).toMatchObject({ conffiles: 'replace', others: 'allow', lockWaitMs: 60_000 });
  });

  it('is none where nobody has an old one', () => {
    expect(errorsOf({ select: 'host.name == "web02"', clusters: null }, world)).toEqual([
      expect.stringContaining('nothing is left to patch: web02: is on demo-svc 1.1 already'),
    ]);
  });
});

describe('a bundle of releases and packages', () => {
  it('brings both to a host that has both', () => {
    const world = packaged(['libssl3'], { app01: { libssl3: '1.0' } });
    const plan = planned(
      { select: 'host.name == "app01"', clusters: null },
      { ...world, bundle: { ...bundleOf(['orders-app']), packages: [exact('libssl3', '1.1')] } },
    );
    expect(plan.orders[0]?.jobs.map(job => job.id)).toEqual([
      'space',
      'refresh',
      'fetch',
      'stage:orders-app',
      'backup',
      'stop:orders-app',
      'upgrade',
      'patch:orders-app',
      'start:orders-app',
      'verify:orders-app',
      'fingerprint',
    ]);
  });
});

describe('steps for packages that a policy lists', () => {
  const exactOn = { web01: { 'demo-svc': '1.0', zsh: '5' }, web02: { 'demo-svc': '1.0' } };
  const world = packaged(['demo-svc'], exactOn);
  const some = { ...only, clusters: null };
  const jobsOf = (step: string) =>
    planned({ ...some, steps: `[{id: upgrade, uses: package/upgrade}, {id: it, ${step}}]` }, world).orders.map(
      order => [
        order.host.name,
        order.jobs.filter(job => job.step === 'it').map(({ call, undo }) => [call, undo?.kind ?? null] as unknown),
      ],
    );

  it('hold what is there, and free it again where that is taken back', () => {
    expect(jobsOf('uses: package/hold, with: {names: [zsh, vim]}')).toEqual([
      ['web01', [[{ kind: 'package/hold', args: { names: ['zsh'] } }, 'package/unhold']]],
      ['web02', []],
    ]);
    // Nothing is held.
    expect(jobsOf('uses: package/unhold, with: {names: [zsh]}').map(([, jobs]) => jobs)).toEqual([[], []]);
  });

  it('install what is not there, of the family of the server', () => {
    const rest = { conffiles: 'keep', others: 'refuse', lockWaitMs: 300_000 };
    const args = { packages: [exact('zsh', '5.9')], ...rest };
    expect(jobsOf('uses: package/install, with: {packages: [zsh=5.9, rpm/zsh=5.9-1]}')).toEqual([
      ['web01', []],
      ['web02', [[{ kind: 'package/install', args }, 'package/remove']]],
    ]);
  });

  it('remove what is there, and bring the same version back where that is taken back', () => {
    const plan = planned(
      {
        ...some,
        steps: '[{id: upgrade, uses: package/upgrade}, {id: it, uses: package/remove, with: {names: [zsh]}}]',
      },
      world,
    );
    expect(plan.orders.flatMap(order => order.jobs).filter(job => job.step === 'it')).toMatchObject([
      {
        call: { kind: 'package/remove', args: { names: ['zsh'], others: 'refuse' } },
        undo: { kind: 'package/install', args: { packages: [exact('zsh', '5')] } },
      },
    ]);
  });

  it('check that packages can be changed', () => {
    expect(jobsOf('uses: check/pending, with: {held: refuse, within: 1m}')[0]?.[1]).toEqual([
      [{ kind: 'check/pending', args: { held: 'refuse', withinMs: 60_000 } }, null],
    ]);
  });

  it.each([
    ['names that are no names', 'uses: package/hold, with: {names: ["zsh -y"]}', /name of a package/],
    ['packages without a version', 'uses: package/install, with: {packages: [zsh]}', /NAME=VERSION/],
    ['packages of no family', 'uses: package/install, with: {packages: [yum/zsh=1]}', /no family of packages/],
  ])('are refused with %s', (_, step, words) => {
    expect(errorsOf({ ...some, steps: `[{id: it, ${step}}]` }, world).join('\n')).toMatch(words);
  });
});
