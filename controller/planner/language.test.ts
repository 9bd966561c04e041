import { packagesSection } from '@tidemark/shared/testing/packages.ts';
import { describe, expect, it } from 'vitest';
import { chooseBundle, type KnownBundle } from './choose-bundle.ts';
import { compile } from './compile.ts';
import type { CompileInput } from './input.ts';
import { parsePolicy } from './parse-policy.ts';
import {
  errorsOf,
  errorText,
  factsOf,
  freeze,
  hostIdOf,
  jobsOf,
  NOW,
  type PolicyParts,
  planned,
  policyText,
  shop,
} from './testing/world.ts';

type World = Omit<CompileInput, 'policy'>;

describe('the bundle', () => {
  const bundles = [
    { name: 'old', ring: 'active', createdAt: 1, bar: null, withdrawn: false },
    { name: 'mid', ring: 'inactive', createdAt: 2, bar: null, withdrawn: false },
    { name: 'new', ring: 'test', createdAt: 3, bar: null, withdrawn: false },
  ];
  const rings = ['test', 'inactive', 'active'];
  const chosen = (bundle: string, known: readonly KnownBundle[] = bundles) => {
    const policy = parsePolicy(policyText({ bundle }), 'policy.yaml');
    if (!policy.ok) throw new Error(policy.error.map(errorText).join('\n'));
    const choice = chooseBundle(policy.value.bundle, known, rings);
    return choice.ok ? choice.value : errorText(choice.error);
  };

  it.each([
    ['{ring: test}', 'new'],
    ['{ring: inactive}', 'mid'],
    ['{ring: active}', 'old'],
    ['{name: new}', 'new'],
    ['{name: mid, ring: inactive}', 'mid'],
  ])('%s is %s', (choice, expected) => {
    expect(chosen(choice)).toBe(expected);
  });

  it('must be there, and promoted so far', () => {
    expect(chosen('{name: nwe}')).toContain('there is no bundle nwe (did you mean "new"?)');
    expect(chosen('{name: new, ring: active}')).toContain('bundle new is in the ring test: promote it to active first');
    expect(chosen('{ring: active}', [])).toContain('no bundle has been promoted to active yet');
    expect(chosen('{ring: activ}')).toContain(
      'there is no ring activ (did you mean "active"?): there are test, inactive, active',
    );
  });

  it('that was withdrawn counts no more, and the newest that is held keeps older ones from being taken for it', () => {
    const having = (name: string, change: Partial<KnownBundle>) =>
      bundles.map(bundle => (bundle.name === name ? { ...bundle, ...change } : bundle));
    const withdrawn = having('new', { bar: 'bundle new was withdrawn', withdrawn: true });
    expect(chosen('{ring: test}', withdrawn)).toBe('mid');
    expect(chosen('{name: new}', withdrawn)).toContain('bundle new was withdrawn');
    const held = having('mid', { bar: 'bundle mid is held' });
    expect(chosen('{ring: inactive}', held)).toContain(
      'it is the newest in inactive, and nothing older is taken for it',
    );
    expect(chosen('{ring: test}', held)).toBe('new');
  });

  it('has only the patches that are included and not excluded; what is left out is told', () => {
    const plan = planned({
      bundle: `{name: shop-1.4.1, include: 'patch.name.startsWith("orders")', exclude: 'patch.name == "orders-web"'}`,
    });
    expect(plan.header.bundle.leftOut).toEqual(
      ['ledger-app 1.4.1', 'ledger-db 1.4.1', 'ledger-web 1.4.1', 'orders-web 1.4.1'].sort(),
    );
    expect(plan.header.hosts.map(({ name }) => name).sort()).toEqual(['app01', 'app02', 'db01', 'db02']);
    expect(errorsOf({ bundle: '{name: shop-1.4.1, exclude: "true"}' })).toEqual([
      '6:18 include and exclude leave nothing of bundle shop-1.4.1',
    ]);
  });
});

describe('budgets', () => {
  it.each([
    ['run.etaMinutes > window.minutesLeft', 0],
    ['run.etaMinutes + 15 > window.minutesLeft', 15 * 60_000],
    ['run.etaMinutes > window.minutesLeft - 10', 10 * 60_000],
  ])('%s keeps a margin of %i ms', (when, minMarginMs) => {
    expect(planned({ budgets: `[{when: "${when}", then: stop-starting}]` }).header.budgets).toEqual([
      { scope: 'run', of: null, maxFailed: null, maxFailedShare: null, minMarginMs, action: 'stop' },
    ]);
  });
});

describe('job names', () => {
  it('are made by the template, and those without a component keep theirs', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the policy language's own placeholder.
    const plan = planned({ jobName: "'4711 ${step.verb} ${component.kind} ${component.name} on ${host.name}'" });
    const names = jobsOf(plan, 'web01').map(({ name }) => name);
    expect(names).toContain('4711 stop service orders-web on web01');
    expect(names).toContain('back up orders-web on web01');
  });
});

describe('an emergency', () => {
  const POLICY: PolicyParts = {
    approvals: '[{need: 2}]',
    waves: '[{name: canary, pick: 1, soak: 1h}, {name: rest, soak: 2m, gates: [{name: cab, kind: signal}]}]',
    emergency: '{soak: 5m, approvals: [{from: [commander], need: 1}]}',
  };
  const hurried = (parts: PolicyParts = {}) => planned({ ...POLICY, ...parts }, { emergency: 'CVE of the day' }).header;

  it('shortens soaks and has its own approvers; gates, limits, clusters and the order of jobs stay', () => {
    const [calm, fast] = [planned(POLICY), planned(POLICY, { emergency: 'CVE of the day' })];
    expect(fast.header.waves.map(({ soakMs }) => soakMs)).toEqual([300_000, 120_000]);
    expect(fast.header.approvals).toMatchObject([{ from: ['commander'], need: 1 }]);
    expect(fast.header.emergency).toEqual({
      reason: 'CVE of the day',
      changes: ['wave canary soaks 5 min instead of 1 h', 'is approved by 1 of commander'],
    });
    for (const key of ['limits', 'clusters', 'precedences', 'hosts', 'budgets'] as const)
      expect(fast.header[key]).toEqual(calm.header[key]);
    expect(fast.header.waves[1]?.gates).toEqual(calm.header.waves[1]?.gates);
    expect(fast.orders).toEqual(calm.orders);
  });

  it('can leave out waves without gates: their hosts go with the others', () => {
    const header = hurried({ emergency: '{waves: [rest], approvals: [{need: 1}]}' });
    expect(header.waves.map(({ name, needs }) => [name, needs])).toEqual([['rest', []]]);
    expect(header.hosts).toHaveLength(8);
    expect(header.emergency?.changes).toContain('has no wave canary');
  });

  it('opens now, whatever recurs or is frozen', () => {
    const window = '{duration: 4h, rrule: FREQ=MONTHLY;BYDAY=1MO, start: "22:00", blackout: [freeze.ics]}';
    const text = policyText({ ...POLICY, window });
    const policy = parsePolicy(
      text,
      'p.yaml',
      new Map([['freeze.ics', freeze('20261101T000000Z', '20270105T000000Z')]]),
    );
    if (!policy.ok) throw new Error(policy.error.map(errorText).join('\n'));
    const plan = compile({ ...shop(), at: null, emergency: 'CVE of the day', policy: policy.value });
    if (!plan.ok) throw new Error(plan.error.map(errorText).join('\n'));
    expect(plan.value.header.window).toMatchObject({ start: NOW, chosen: 'given' });
    expect(plan.value.header.emergency?.changes.at(-1)).toMatch(/^works in the freeze "close" of freeze\.ics/);
  });

  it('is refused where the policy knows none', () => {
    expect(errorsOf({}, { emergency: 'now' })).toEqual([expect.stringContaining('the policy has no "emergency"')]);
  });
});

describe('the standard steps', () => {
  const packages = packagesSection('apt', { libssl3: '3.0.1' });
  const bundle: World['bundle'] = {
    ...present(shop().bundle),
    releases: [],
    packages: [{ name: 'libssl3', version: '3.0.2', architecture: null, sha256: null }],
  };
  const managed: Partial<World> = {
    bundle,
    facts: new Map(shop().facts).set(
      hostIdOf('web01'),
      factsOf(['orders-web'], '1.4.0', { packages, services: {}, reboot: { required: false } }),
    ),
  };

  it('of packages boot where it is needed, look for failed units and for old code', () => {
    const steps = jobsOf(planned({ select: 'host.name == "web01"', clusters: null }, managed), 'web01').map(
      ({ step }) => step,
    );
    const wanted = ['upgrade', 'reboot', 'units', 'start', 'verify', 'loaded', 'fingerprint'];
    expect(steps.filter(step => wanted.includes(step))).toEqual(wanted);
  });

  it('hold batch work on hosts that are said to have some', () => {
    const { landscape } = shop();
    const hosts = landscape.hosts.map(each => (each.name === 'web01' ? { ...each, tags: ['batch'] } : each));
    const plan = planned({}, { landscape: { ...landscape, hosts } });
    const kinds = jobsOf(plan, 'web01').map(({ call }) => call.kind);
    expect(kinds.indexOf('batch/hold')).toBeGreaterThan(-1);
    expect(kinds.indexOf('batch/hold')).toBeLessThan(kinds.indexOf('service/stop'));
    expect(kinds.indexOf('batch/release')).toBeGreaterThan(kinds.indexOf('service/start'));
    expect(jobsOf(plan, 'web02').map(({ call }) => call.kind)).not.toContain('batch/hold');
  });

  it('can be changed by id, left out, and have others between them', () => {
    const plan = planned({
      select: 'host.name == "web01"',
      clusters: null,
      steps: `{base: standard,
    change: {stop: {timeout: 7m, retries: {max: 3, backoff: 9s}, with: {wait: 1m}}, fingerprint: {skip: true}, backup: {when: 'host.name == "web02"'}},
    add: [{id: smoke, uses: command/run, after: verify, with: {command: [/bin/true]}}, {id: rest, uses: system/wait, before: stop, with: {for: 5s}}]}`,
    });
    const jobs = jobsOf(plan, 'web01');
    expect(jobs.map(({ step }) => step)).toEqual([
      'space',
      'stage',
      'rest',
      'stop',
      'patch',
      'start',
      'verify',
      'smoke',
    ]);
    const stop = jobs.find(({ step }) => step === 'stop');
    expect(stop).toMatchObject({
      timeoutMs: 420_000,
      retries: { max: 3, backoffMs: 9_000 },
      onFailure: 'undo-host',
      undo: { kind: 'service/start' },
      call: { args: { waitMs: 60_000 } },
    });
  });
});

function present<T>(value: T | null): T {
  if (value === null) throw new Error('the shop has no bundle');
  return value;
}
