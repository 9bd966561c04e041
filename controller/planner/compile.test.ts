import { p90Of } from '@tidemark/shared/orders/expected.ts';
import { encodePlan, openPlan } from '@tidemark/shared/orders/plan.ts';
import { describe, expect, it } from 'vitest';
import type { CompileInput } from './input.ts';
import { errorsOf, factsOf, jobIdsOf, NOW, planned, withFacts } from './testing/world.ts';

type World = Omit<CompileInput, 'policy'>;

describe('the order of a host', () => {
  it('has the standard jobs in their order', () => {
    expect(jobIdsOf(planned(), 'web01')).toEqual([
      'space',
      'stage:orders-web',
      'backup',
      'stop:orders-web',
      'patch:orders-web',
      'start:orders-web',
      'verify:orders-web',
      'fingerprint',
    ]);
  });

  it('has a handover only on the member that is active', () => {
    const plan = planned();
    expect(jobIdsOf(plan, 'db01')).toContain('handover:ordersdb');
    expect(jobIdsOf(plan, 'db02')).not.toContain('handover:ordersdb');
    const handover = plan.orders.flatMap(({ jobs }) => jobs).find(job => job.call.kind === 'cluster/handover');
    expect(handover).toMatchObject({
      name: 'hand over cluster ordersdb from db01 to db02',
      call: { args: { command: ['/bin/handover', 'db02'], confirm: ['/bin/is-standby'] } },
      undo: null,
      onFailure: 'hold',
    });
  });

  it('stops from the top tier and starts from the bottom one', () => {
    const services = jobIdsOf(planned(), 'led01').filter(id => /^(stop|start):/.test(id));
    expect(services).toEqual(['stop:ledger-web', 'stop:ledger-app', 'start:ledger-app', 'start:ledger-web']);
  });

  it('names jobs so that they say what they touch', () => {
    const names = planned().orders.flatMap(({ jobs }) => jobs.map(job => job.name));
    expect(names).toContain('stop database orders-db on db01');
    expect(names).toContain('install orders-db 1.4.1 on db01');
  });

  it('takes back an installation by the version that the facts say is current', () => {
    const patch = planned()
      .orders.flatMap(({ jobs }) => jobs)
      .find(job => job.id === 'patch:orders-web');
    expect(patch?.undo).toEqual({
      kind: 'archive/activate',
      args: { product: 'orders-web', version: '1.4.0', home: '/opt/orders-web' },
    });
  });

  it('has nothing to take back where the policy says so', () => {
    const plan = planned({
      select: 'host.name == "web01"',
      clusters: null,
      steps: '[{id: halt, uses: service/stop, undo: none}, {id: go, uses: service/start}]',
    });
    expect(plan.orders[0]?.jobs.map(job => [job.id, job.undo?.kind ?? null])).toEqual([
      ['halt:orders-web', null],
      ['go:orders-web', 'service/stop'],
    ]);
  });

  it('asks for the space of download, unpacked release and backup', () => {
    const space = planned({}, { installedBytes: new Map([['orders-db 1.4.0', 5_000_000]]) }).orders.find(
      order => order.host.name === 'db01',
    )?.jobs[0];
    expect(space?.call).toEqual({
      kind: 'check/disk',
      args: { needs: [{ path: '/opt/orders-db', bytes: 1_000_000 + 3_000_000 + 5_000_000 }] },
    });
  });

  it('asks for space once for each file system', () => {
    const mounts = [{ mount: '/' }, { mount: '/opt/ledger-app' }, { mount: '/opt/ledger' }];
    const plan = planned({}, withFacts({ led01: factsOf(['ledger-web', 'ledger-app'], '1.4.0', { mounts }) }));
    const space = plan.orders.find(order => order.host.name === 'led01')?.jobs[0];
    expect(space?.call.args).toEqual({
      needs: [
        { path: '/opt/ledger-app', bytes: 3_000_000 + 3_000_000 + 2_000_000 },
        { path: '/opt/ledger-web', bytes: 6_000_000 },
      ],
    });
  });

  it('gives peers one scan profile, byte for byte', () => {
    const scans = planned().orders.flatMap(({ host: { name }, jobs }) =>
      jobs.filter(job => job.call.kind === 'scan/run' && name.startsWith('db')).map(job => job.call.args),
    );
    expect(scans).toHaveLength(2);
    expect(scans[0]).toEqual(scans[1]);
    expect(scans[0]).toMatchObject({
      profile: {
        name: 'applications',
        roots: [{ path: '/etc/orders-db', plane: 'config' }, { path: '/opt/orders-db' }],
      },
    });
  });

  it('cannot start early, nor so late that the rest and the reserve do not fit, nor end in the dark once stopped', () => {
    const jobs = planned().orders.find(order => order.host.name === 'web01')?.jobs ?? [];
    const end = NOW + 4 * 3_600_000;
    const total = jobs.reduce((sum, job) => sum + p90Of(job), 0);
    expect(jobs.every(job => job.notBefore === NOW)).toBe(true);
    expect(jobs[0]?.notAfter).toBe(end - 30 * 60_000 - total);
    const stop = jobs.findIndex(job => job.call.kind === 'service/stop');
    expect(jobs[stop]?.notAfter).toBeLessThan(end);
    expect(jobs.slice(stop + 1).every(job => job.notAfter === end)).toBe(true);
  });

  it('runs a step only where its condition holds', () => {
    const plan = planned({
      clusters: null,
      select: 'host.name.startsWith("web")',
      steps: '[{id: look, uses: check/disk}, {id: halt, uses: service/stop, when: host.name == "web02"}]',
    });
    expect(jobIdsOf(plan, 'web01')).toEqual(['look']);
    expect(jobIdsOf(plan, 'web02')).toEqual(['look', 'halt:orders-web']);
  });
});

describe('a plan is refused', () => {
  it.each<[string, Parameters<typeof errorsOf>[0], Partial<World>, string]>([
    ['a bundle that is not there', {}, { bundle: null }, '6:18 there is no bundle shop-1.4.1: create it first'],
    ['a selector that finds nobody', { select: 'host.app == "x"' }, {}, '5:11 it selects none of the 8 hosts'],
    [
      'a selector without an answer',
      { select: 'host.attributes.rack == "r1"' },
      {},
      '5:11 whether it selects app01, app02, db01, db02, led01 and 3 more cannot be said: No such key: rack',
    ],
    ['a window that is over', {}, { at: NOW - 4 * 3_600_000 }, '7:11 the window was over at'],
    [
      'a window that is too short',
      { window: '{duration: 61s, reserve: 60s}' },
      {},
      '7:11 no time for app01, app02, db01, db02, led01 and 3 more: it takes up to 26 s and a reserve of 1 min, and the window has 2 min',
    ],
    [
      'tiers without an order',
      { tiers: '[{name: web}, {name: app}]' },
      {},
      '8:10 tier db (orders-db on db01, orders-db on db02, ledger-db on led02) has no place',
    ],
    [
      'a step without an answer',
      { steps: '[{id: a, uses: scan/run, when: facts.x == 1}]', clusters: null, select: 'host.name == "web01"' },
      {},
      '9:11 whether step a is for web01 cannot be said',
    ],
    [
      'a wave without an answer',
      { waves: '[{name: a, when: host.attributes.x == 1}]', select: 'host.name == "web01"' },
      {},
      '10:11 whether wave a takes web01 cannot be said',
    ],
    [
      'a budget for a wave that is none',
      { waves: '[{name: canary}]', budgets: '[{scope: wave, of: canari, maxFailed: 1, then: stop}]' },
      {},
      '11:13 the plan has no wave canari (did you mean "canary"?)',
    ],
  ])('for %s', (_, parts, world, expected) => {
    expect(errorsOf(parts, world)).toEqual([expect.stringContaining(expected)]);
  });

  it('for approvers that cannot approve', () => {
    const trustRoot = {
      format: 'tidemark/trust-root/v1' as const,
      fleet: 'test-fleet',
      version: 1,
      approvers: [
        { name: 'ada', publicKey: 'AAAA', classes: ['patch' as const] },
        { name: 'grace', publicKey: 'BBBB', classes: ['patch' as const] },
      ],
      thresholds: { observe: 0, patch: 1, command: 1 },
    };
    const of = (approvals: string) => errorsOf({ approvals }, { trustRoot });
    expect(of('[{from: [ada, grac]}]')).toEqual([
      '10:28 the fleet\'s trust root knows no approver grac (did you mean "grace"?)',
    ]);
    expect(of('[{need: 2, notAuthor: true}]')).toEqual([
      '10:15 it needs 2 approvers, and only 1 can approve a plan of ada',
    ]);
    expect(of('[{need: 1, notAuthor: true}]')).toEqual([]);
  });
});

describe('the document of a plan', () => {
  it('opens, and every order is provably in it', () => {
    const { header, orders } = planned();
    const opened = openPlan(encodePlan(header, orders));
    expect(opened.ok && opened.value.header).toEqual(header);
  });
});
