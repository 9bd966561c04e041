import { diffPlans } from '@tidemark/controller/cli/plan-diff.ts';
import { explainHost, explainJob } from '@tidemark/controller/cli/views/explain.ts';
import { diffLines } from '@tidemark/controller/cli/views/plan-diff.ts';
import type { CompileInput } from '@tidemark/controller/planner/input.ts';
import { factsOf, hostIdOf, NOW, type PolicyParts, planned, shop } from '@tidemark/controller/planner/testing/world.ts';
import { encodePlan, openPlan, type Plan } from '@tidemark/shared/orders/plan.ts';
import { describe, expect, it } from 'vitest';

type World = Partial<Omit<CompileInput, 'policy'>>;

function plan(parts: PolicyParts = {}, changes: World = {}): Plan {
  const { header, orders } = planned(parts, changes);
  const opened = openPlan(encodePlan(header, orders));
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
}

const lines = (before: Plan, after: Plan) =>
  diffPlans(before, after).differences.map(({ area, change, what, hosts }) =>
    [area, change, hosts.length > 0 ? `${hosts.join(', ')}: ${what}` : what].join(' '),
  );

/** The shop a minute later: everything that is made of the time of compiling is another. */
const later: World = {
  now: NOW + 60_000,
  at: NOW + 120_000,
  facts: new Map([...shop().facts].map(([id, { facts }]) => [id, { facts, observedAt: NOW }])),
};

describe('the difference of two plans', () => {
  it('is none between a plan and itself, and its approvals count', () => {
    const one = plan();
    expect(diffPlans(one, one)).toMatchObject({ differences: [], needsApproval: false });
  });

  it('is the window alone where the same is planned later, and that needs new approvals', () => {
    const [one, other] = [plan(), plan({}, later)];
    expect(lines(one, other)).toEqual([
      'window changed window: opens "2026-11-21T20:00:00.000Z" becomes "2026-11-21T20:02:00.000Z"',
    ]);
    expect(diffPlans(one, other).needsApproval).toBe(true);
  });

  it('names hosts that came, with why they were not in it, and hosts that are gone, with why', () => {
    const without = new Map(shop().agents);
    without.delete('web01');
    const tiers =
      '{order: [{name: web}, {name: app}, {name: db}], overrides: [{when: host.app == "ledger", span: application}]}';
    const [few, all] = [plan({ tiers }, { agents: without }), plan({ tiers })];
    expect(lines(few, all)).toContain('hosts added web01: is in it now; before: no agent is enrolled on it');
    expect(lines(all, few)).toContain('hosts gone web01: is not in it any more: no agent is enrolled on it');
    const narrow = plan({ tiers, select: 'host.app == "orders"' });
    expect(lines(all, narrow)).toContain('hosts gone led01, led02: is not in it any more: it is not selected any more');
  });

  it('names roles that have changed', () => {
    const roles = (db01: string, db02: string): World => ({
      facts: new Map(shop().facts)
        .set(hostIdOf('db01'), factsOf(['orders-db'], '1.4.0', { ordersdb: { role: db01 } }))
        .set(hostIdOf('db02'), factsOf(['orders-db'], '1.4.0', { ordersdb: { role: db02 } })),
    });
    const found = lines(plan({}, roles('active', 'standby')), plan({}, roles('standby', 'active')));
    expect(found).toContain('hosts changed db01: role in its cluster: active becomes standby');
    expect(found).toContain('steps gone db01: handover:ordersdb is not done');
    expect(found).toContain('steps added db02: handover:ordersdb is done');
  });

  it('names other versions', () => {
    const { bundle, facts } = shop();
    const newer = bundle && { ...bundle, releases: bundle.releases.map(each => ({ ...each, version: '1.4.2' })) };
    const found = lines(plan(), plan({}, { bundle: newer, facts }));
    expect(found).toContain(
      'versions changed web01, web02: orders-web (orders-web): 1.4.0 -> 1.4.1 becomes 1.4.0 -> 1.4.2',
    );
  });

  it('names steps that came, went, changed, or have another place, once for all of their hosts', () => {
    const steps = (...ids: string[]) => ({
      clusters: null,
      select: 'host.name.startsWith("web")',
      steps: `[${ids.join(', ')}]`,
    });
    const [wait, disk] = ['{id: wait, uses: system/wait, with: {for: 1s}}', '{id: disk, uses: check/disk}'];
    const before = plan(steps(wait, disk));
    expect(lines(before, plan(steps(disk, wait)))).toEqual(['steps changed web01, web02: in another order']);
    expect(lines(before, plan(steps(wait)))).toEqual(['steps gone web01, web02: disk is not done']);
    expect(lines(before, plan(steps(wait, '{id: disk, uses: check/disk, timeout: 3m}')))).toEqual([
      'steps changed web01, web02: disk: other timeoutMs',
    ]);
    expect(lines(before, plan(steps('{id: wait, uses: system/wait, with: {for: 2s}}', disk)))).toEqual([
      'steps changed web01, web02: wait: other call',
      'steps changed web01, web02: expected to take another time than before',
    ]);
  });

  it('names limits, gates, soaks, budgets and approvals', () => {
    const waves = (soak: string, gates: string) => ({ waves: `[{name: all, soak: ${soak}, gates: [${gates}]}]` });
    const tiers = (share: string) => ({
      tiers: `{order: [{name: web, minInService: ${share}}, {name: app}, {name: db}]}`,
      select: 'host.app == "orders"',
    });
    const before = plan({ ...waves('5m', ''), ...tiers('50%'), approvals: '[{need: 1}]' });
    const after = plan({
      ...waves('1m', '{name: go, kind: signal}'),
      ...tiers('0'),
      approvals: '[{need: 2}]',
      budgets: '[{when: run.failed > 1, then: stop}]',
    });
    const found = lines(before, after).join('\n');
    expect(found).toContain('limits changed wave all: soakMs 300000 becomes 60000');
    expect(found).toContain('limits changed wave all: gates [] becomes [{"kind":"signal"');
    expect(found).toContain('limits changed limit tier web of orders: hosts out at once 1 becomes 2');
    expect(found).toMatch(/limits added budget .*"maxFailed":1/);
    expect(found).toMatch(/approvals added rule .*"need":2/);
    expect(found).toMatch(/approvals gone rule .*"need":1/);
  });

  it('is told by headings that people read, and says that approvals do not carry over', () => {
    const text = diffLines(diffPlans(plan(), plan({ select: 'host.app == "orders"' })), (_, line) => line);
    expect(text[0]).toMatch(/^Against plan sha256:/);
    expect(text).toContain('  Hosts');
    expect(text).toContain('    - led01, led02: is not in it any more: it is not selected any more');
    expect(text.at(-1)).toContain('approvals of the one before do not count');
  });
});

describe('an explanation', () => {
  it('says why a host is in the plan, what each job is for and what it waits for', () => {
    const text = explainHost(plan(), 'db01')?.join('\n') ?? '';
    expect(text).toMatch(/why: +orders-db 1\.4\.0 -> 1\.4\.1/);
    expect(text).toMatch(/cluster: +ordersdb \(active\)/);
    expect(text).toMatch(/space .* fingerprint on db02: cluster ordersdb: the active member goes last/);
  });

  it('says why a host is left out, and knows nothing of others', () => {
    const agents = new Map(shop().agents);
    agents.delete('web01');
    const tiers = '[{name: web}, {name: app}, {name: db}]';
    expect(explainHost(plan({ tiers }, { agents }), 'web01')).toEqual([
      'web01 is left out: no agent is enrolled on it',
    ]);
    expect(explainHost(plan(), 'nobody')).toBeNull();
  });

  it('says all of one job, by its name, its step or its number', () => {
    const whole = plan();
    const text = explainJob(whole, 'web01', 'stop:orders-web')?.join('\n') ?? '';
    expect(text).toMatch(/why: +orders-web 1\.4\.0 under it becomes 1\.4\.1/);
    expect(text).toMatch(/taken back by: +service\/start/);
    expect(text).toMatch(/if it fails: +undo-host/);
    expect(explainJob(whole, 'web01', 'stop')).toEqual(explainJob(whole, 'web01', 'stop:orders-web'));
    expect(explainJob(whole, 'web01', '4')).toEqual(explainJob(whole, 'web01', 'stop'));
    expect(explainJob(whole, 'web01', 'nothing')).toBeNull();
  });
});
