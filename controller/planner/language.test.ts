import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { chooseBundle, type KnownBundle } from './choose-bundle.ts';
import { compile } from './compile.ts';
import type { CompileInput } from './input.ts';
import { parsePolicy } from './parse-policy.ts';
import {
  component,
  errorsOf,
  errorText,
  factsOf,
  host,
  hostIdOf,
  NOW,
  type PolicyParts,
  planned,
  policyText,
  shop,
} from './testing/world.ts';

type World = Omit<CompileInput, 'policy'>;
const HOUR = 3_600_000;
const WEB = 'host.name.startsWith("web")';

const jobsOf = (plan: ReturnType<typeof planned>, name: string) =>
  plan.orders.find(order => order.host.name === name)?.jobs ?? [];

/** Compiles with calendars beside the policy: the window, or the first error. */
function windowOf(window: string, calendars: Record<string, string>, changes: Partial<World> = {}) {
  const policy = parsePolicy(policyText({ window }), 'policy.yaml', new Map(Object.entries(calendars)));
  if (!policy.ok) return policy.error.map(errorText).join('\n');
  const plan = compile({ ...shop(), at: null, ...changes, policy: policy.value });
  if (!plan.ok) return plan.error.map(errorText).join('\n');
  const { start, end, chosen, skipped } = plan.value.header.window;
  return { start: iso(start), hours: (end - start) / HOUR, chosen, skipped: skipped.map(each => iso(each.start)) };
}
const iso = (ms: number) => new Date(ms).toISOString().slice(0, 16);
const freeze = (start: string, end: string) =>
  `BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\nSUMMARY:close\nDTSTART:${start}\nDTEND:${end}\nEND:VEVENT\nEND:VCALENDAR\n`;

describe('the window', () => {
  const MONTHLY = 'duration: 4h, reserve: 30m, timezone: Europe/Berlin, rrule: FREQ=MONTHLY;BYDAY=3SA, start: "22:00"';

  it('is the next occurrence from now on', () => {
    // NOW is the third Saturday, one hour before.
    expect(windowOf(`{${MONTHLY}}`, {})).toEqual({
      start: '2026-11-21T21:00',
      hours: 4,
      chosen: 'recurrence',
      skipped: [],
    });
    expect(windowOf(`{${MONTHLY}}`, {}, { now: NOW + 2 * HOUR, facts: fresh(NOW + 2 * HOUR) })).toMatchObject({
      start: '2026-12-19T21:00',
    });
  });

  it('opens when it is asked to, whatever recurs', () => {
    expect(windowOf(`{${MONTHLY}}`, {}, { at: NOW + 5 * HOUR })).toMatchObject({
      start: iso(NOW + 5 * HOUR),
      chosen: 'given',
    });
  });

  it('steps over occurrences in which something is frozen, and says over which', () => {
    const calendars = { 'freeze.ics': freeze('20261122T003000Z', '20270105T000000Z') };
    expect(windowOf(`{${MONTHLY}, blackout: [freeze.ics]}`, calendars)).toEqual({
      start: '2027-01-16T21:00',
      hours: 4,
      chosen: 'recurrence',
      skipped: ['2026-11-21T21:00', '2026-12-19T21:00'],
    });
  });

  it('has its hours also in nights in which the clocks change', () => {
    const weekly = 'duration: 4h, timezone: Europe/Berlin, rrule: FREQ=YEARLY;BYMONTH=3;BYDAY=-1SA, start: "23:00"';
    expect(windowOf(`{${weekly}}`, {})).toMatchObject({ start: '2027-03-27T22:00', hours: 4 });
  });

  it('cannot be in a freeze, and the error names it with its place', () => {
    const calendars = { 'freeze.ics': freeze('20261122T003000Z', '20270105T000000Z') };
    const window = '{duration: 4h, blackout: [freeze.ics]}';
    expect(windowOf(window, calendars, { at: NOW + 4 * HOUR })).toMatch(
      /^7:37 the freeze "close" of freeze\.ics \(2026-11-22T00:30:00\.000Z to .*\) lies in the window/,
    );
  });

  it.each<[string, string, RegExp]>([
    ['never comes', 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', /has no occurrence .* its days are in no calendar/],
    ['is over', 'FREQ=DAILY;UNTIL=20260101', /has no occurrence/],
  ])('that %s is an error', (_, rrule, expected) => {
    expect(windowOf(`{duration: 4h, rrule: ${rrule}, start: "22:00"}`, {})).toMatch(expected);
  });

  it('that freezes take for ever is an error', () => {
    const calendars = { 'freeze.ics': freeze('20200101T000000Z', '20400101T000000Z') };
    expect(windowOf('{duration: 4h, rrule: FREQ=DAILY, start: "22:00", blackout: [freeze.ics]}', calendars)).toMatch(
      /freezes lie in all of its next 1000/,
    );
  });

  it('refuses a calendar that is none, at its place', () => {
    expect(windowOf('{duration: 4h, blackout: [a.ics]}', { 'a.ics': '<html>' })).toMatch(
      /^7:37 a\.ics is no calendar that can be read/,
    );
  });

  it('that the waves can never fit is an error', () => {
    expect(
      errorsOf({ window: '{duration: 1h, reserve: 10m}', waves: '[{name: a, pick: 1, soak: 50m}, {name: b}]' }),
    ).toEqual([expect.stringMatching(/^7:11 wave b cannot end before 5\d min are over, however well all goes/)]);
    expect(
      errorsOf({ window: '{duration: 10m}', clusters: null, select: WEB, waves: '[{name: a, maxParallel: 1}]' }),
    ).toEqual([]);
  });
});

/** The shop's facts as if they had been seen just before. */
const fresh = (now: number): World['facts'] =>
  new Map([...shop().facts].map(([id, { facts }]) => [id, { facts, observedAt: now - 60_000 }]));

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

describe('waves', () => {
  it('pick a share of what matches, and of few hosts one', () => {
    const picked = (share: string) =>
      planned({ waves: `[{name: a, when: '${WEB}', pick: ${share}}, {name: b}]` })
        .header.hosts.filter(({ wave }) => wave === 'a')
        .map(({ name }) => name);
    expect(picked('50%')).toEqual(['web01']);
    expect(picked('1%')).toEqual(['web01']);
    expect(picked('100%')).toEqual(['web01', 'web02']);
  });

  it('have their gates in the plan, those of the list of approvals too', () => {
    const { header } = planned({
      approvals: '[{need: 2}, {gate: wave/b, from: [dba], expires: 45m, onExpire: cancel}]',
      waves: `[{name: a, pick: 1, gates: [{name: cab, kind: signal, within: 1h}]}, {name: b, gates: [
    {name: shop, kind: http, url: "https://shop.example.com/health", text: ok},
    {name: errors, kind: metric, url: "http://prometheus.example.com:9090", query: "rate(errors[5m])", pass: "< 0.01"}]}]`,
    });
    expect(header.approvals).toEqual([
      { gate: 'plan', from: [], need: 2, notAuthor: false, expiresMs: null, onExpire: 'hold' },
    ]);
    expect(header.waves.map(({ gates }) => gates)).toEqual([
      [{ kind: 'signal', name: 'cab', withinMs: HOUR }],
      [
        {
          kind: 'http',
          name: 'shop',
          url: 'https://shop.example.com/health',
          expectStatus: 200,
          expectText: 'ok',
          everyMs: 15_000,
          withinMs: 300_000,
          timeoutMs: 10_000,
        },
        {
          kind: 'metric',
          name: 'errors',
          url: 'http://prometheus.example.com:9090',
          query: 'rate(errors[5m])',
          pass: { operator: '<', value: 0.01 },
          everyMs: 15_000,
          withinMs: 300_000,
          timeoutMs: 10_000,
        },
        {
          kind: 'approval',
          name: 'approval-2',
          from: ['dba'],
          need: 1,
          notAuthor: false,
          expiresMs: 45 * 60_000,
          onExpire: 'cancel',
        },
      ],
    ]);
  });

  it('need approvers that there are', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ format: 'jwk' }).x ?? '';
    const trustRoot: World['trustRoot'] = {
      format: 'tidemark/trust-root/v1',
      fleet: 'test-fleet',
      version: 1,
      approvers: [{ name: 'grace', publicKey: Buffer.from(raw, 'base64url').toString('base64'), classes: ['patch'] }],
      thresholds: { observe: 0, patch: 1, command: 1 },
    };
    expect(errorsOf({ waves: '[{name: a, gates: [{name: x, kind: approval, from: [grce]}]}]' }, { trustRoot })).toEqual(
      [expect.stringContaining('knows no approver grce (did you mean "grace"?)')],
    );
  });

  it('begin with the most important hosts', () => {
    const { header } = planned({
      groups:
        '[{name: gold, when: host.role == "web", importance: 10}, {name: last, when: host.app == "ledger", importance: -1}]',
    });
    expect(header.hosts.map(({ name, importance }) => `${name} ${importance}`)).toEqual([
      'web01 10',
      'web02 10',
      'app01 0',
      'app02 0',
      'db01 0',
      'db02 0',
      'led01 -1',
      'led02 -1',
    ]);
  });

  it('say of which host a group cannot be told', () => {
    expect(errorsOf({ groups: '[{name: gold, when: host.attributes.gold == true, importance: 1}]' })).toEqual([
      expect.stringMatching(/^10:12 whether group gold has app01, .* cannot be said: .*; guard it with has/),
    ]);
  });
});

describe('clusters', () => {
  const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5'];
  /** Five members that are alike, with what each says of itself. */
  function five(facts: (name: string, index: number) => Record<string, unknown>): Partial<World> {
    const agents = new Map(NAMES.map(name => [name, { id: hostIdOf(name), state: 'enrolled' as const }]));
    return {
      landscape: {
        version: 1,
        hosts: NAMES.map(name => host(name, 'orders')),
        components: NAMES.map(name => component('orders-db', name, 'db')),
        clusters: [{ name: 'ring', members: NAMES }],
      },
      agents,
      facts: new Map(
        NAMES.map((name, index) => [hostIdOf(name), factsOf(['orders-db'], '1.4.0', { ring: facts(name, index) })]),
      ),
    };
  }
  /** Who comes directly before whom. */
  const chain = (parts: PolicyParts, world: Partial<World>) =>
    planned(parts, world).header.precedences.map(({ before, after }) => `${before.host} ${after.host}`);

  it('go as they are listed', () => {
    const clusters = '[{name: ring, order: listed, members: [n3, n1, n5, n2, n4]}]';
    expect(
      chain(
        { clusters },
        five(() => ({})),
      ),
    ).toEqual(['n3 n1', 'n1 n5', 'n5 n2', 'n2 n4']);
  });

  it('list all of their members and nobody else', () => {
    const listed = (members: string) =>
      errorsOf(
        { clusters: `[{name: ring, order: listed, members: ${members}}]` },
        five(() => ({})),
      );
    expect(listed('[n1, n2, n3, n4]')).toEqual([expect.stringContaining('the order of cluster ring does not list n5')]);
    expect(listed('[n1, n2, n3, n4, n5, n6]')).toEqual([expect.stringContaining('lists n6, which is no member')]);
  });

  it('go by how many roles each member has', () => {
    const clusters = '[{name: ring, order: fewest-roles-first, roles: size(facts.ring.roles)}]';
    const roles = [['a', 'b'], [], ['c'], [], ['d', 'e', 'f']];
    expect(
      chain(
        { clusters },
        five((_, index) => ({ roles: roles[index] })),
      ),
    ).toEqual(['n2 n4', 'n4 n3', 'n3 n1', 'n1 n5']);
  });

  it('are left alone where a member does not say how many roles it has', () => {
    const clusters = '[{name: ring, order: fewest-roles-first, roles: size(facts.ring.roles)}]';
    expect(
      errorsOf(
        { clusters },
        five((_, index) => (index === 2 ? {} : { roles: [] })),
      ),
    ).toEqual([expect.stringMatching(/nothing is left to patch: .*cluster ring: how many roles n3 has is not known/)]);
  });

  it('keep a majority that is well, unless the policy asks for more or less', () => {
    const keep = (more: string) =>
      planned(
        { clusters: `[{name: ring, order: listed, members: [${NAMES}]${more}}]` },
        five(() => ({})),
      ).header.clusters[0]?.minHealthy;
    expect(keep('')).toBe(3);
    expect(keep(', minHealthy: 4')).toBe(4);
    expect(planned().header.clusters[0]?.minHealthy).toBe(1);
    expect(
      errorsOf(
        { clusters: `[{name: ring, order: listed, members: [${NAMES}], minHealthy: 5}]` },
        five(() => ({})),
      ),
    ).toEqual([expect.stringContaining('minHealthy 5 of 5 members lets none be taken out')]);
  });

  it('are not touched below their quorum; a member that is not well itself may be', () => {
    const rule = (minHealthy: number) =>
      `[{name: ring, order: listed, members: [${NAMES}], healthyWhen: facts.ring.well, minHealthy: ${minHealthy}}]`;
    const world = five((_, index) => ({ well: index !== 0 }));
    const { header } = planned({ clusters: rule(4) }, world);
    expect(header.hosts.map(({ name }) => name)).toEqual(['n1']);
    expect(header.excluded[0]?.reason).toBe(
      'cluster ring: n1 is not well, so only 3 of the 4 that must stay would be left without it',
    );
    expect(planned({ clusters: rule(3) }, world).header.excluded).toEqual([]);
  });

  it('never give up the last member that is well', () => {
    const world: Partial<World> = {
      facts: new Map(shop().facts)
        .set(hostIdOf('db02'), factsOf(['orders-db'], '1.4.0', { ordersdb: { role: 'standby', well: false } }))
        .set(hostIdOf('db01'), factsOf(['orders-db'], '1.4.0', { ordersdb: { role: 'active', well: true } })),
    };
    const clusters =
      '[{name: ordersdb, activeWhen: facts.ordersdb.role == "active", healthyWhen: facts.ordersdb.well}]';
    const { header } = planned({ clusters }, world);
    expect(header.hosts.map(({ name }) => name)).not.toContain('db01');
    expect(header.hosts.map(({ name }) => name)).toContain('db02');
  });
});

describe('limits over all runs', () => {
  const limitsOf = (parts: PolicyParts, changes: Partial<World> = {}) =>
    Object.fromEntries(planned(parts, changes).header.limits.map(({ key, maxOut }) => [key, maxOut]));

  it('are of clusters and tiers in any case', () => {
    expect(limitsOf({})).toEqual({ 'cluster/ordersdb': 1, 'tier/orders/web': 1, 'tier/orders/app': 1 });
  });

  it('can be of applications, tiers and attributes, as a count or a share of the whole fleet', () => {
    const { landscape } = shop();
    const sites = {
      landscape: {
        ...landscape,
        hosts: landscape.hosts.map((each, index) => ({ ...each, attributes: { site: index % 2 ? 'a' : 'b' } })),
      },
    };
    expect(
      limitsOf(
        {
          limits: '[{per: attributes.site, maxUnavailable: 50%}]',
          tiers: '{order: [{name: web}, {name: app}, {name: db}]}',
        },
        sites,
      ),
    ).toEqual({
      'attribute/site/a': 2,
      'attribute/site/b': 2,
      'cluster/ordersdb': 1,
    });
    expect(
      limitsOf({ select: WEB, limits: '[{per: application, maxUnavailable: 3}, {per: tier, maxUnavailable: 2}]' }),
    ).toEqual({
      'application/orders': 3,
      // The tier keeps half of two in service, which is stricter.
      'tier/orders/web': 1,
    });
  });

  it('of a unit that stops as a whole must let it', () => {
    expect(
      errorsOf({ select: 'host.app == "ledger"', clusters: null, limits: '[{per: application, maxUnavailable: 1}]' }),
    ).toEqual([
      expect.stringContaining(
        'application ledger stops led01, led02 together, and of application ledger only 1 may be out',
      ),
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
  const packages = { manager: 'apt', installed: { libssl3: '3.0.1' }, held: [], broken: {} };
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
