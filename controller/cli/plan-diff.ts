import { canonicalJson, type Json } from '@tidemark/shared/base/canonical-json.ts';
import type { Job } from '@tidemark/shared/orders/order.ts';
import type { Plan, PlanHeader, PlannedHost } from '@tidemark/shared/orders/plan.ts';

/** What is another in a plan, in words of the field; `hosts` are those that it is about, none where it is about all. */
export interface Difference {
  area: 'hosts' | 'versions' | 'steps' | 'limits' | 'approvals' | 'window';
  change: 'added' | 'gone' | 'changed';
  what: string;
  hosts: string[];
}

export interface PlanDiff {
  before: string;
  after: string;
  differences: Difference[];
  /** Approvals are for a digest: any other plan needs new ones. */
  needsApproval: boolean;
}

/** What differs in what would happen. That one was compiled later, or by somebody else, is no difference. */
export function diffPlans(before: Plan, after: Plan): PlanDiff {
  const differences = [
    ...hostDifferences(before.header, after.header),
    ...versionDifferences(before.header, after.header),
    ...stepDifferences(before, after),
    ...ruleDifferences(before.header, after.header),
  ];
  return {
    before: before.digest,
    after: after.digest,
    differences: folded(differences),
    needsApproval: before.digest !== after.digest,
  };
}

function hostDifferences(before: PlanHeader, after: PlanHeader): Difference[] {
  const [was, is] = [byName(before.hosts), byName(after.hosts)];
  const whyOut = ({ excluded }: PlanHeader, name: string) => excluded.find(each => each.host === name)?.reason;
  const differences: Difference[] = [];
  for (const name of is.keys()) {
    if (was.has(name)) continue;
    const reason = whyOut(before, name);
    differences.push(about('hosts', 'added', reason ? `is in it now; before: ${reason}` : 'is in it now', name));
  }
  for (const name of was.keys()) {
    if (is.has(name)) continue;
    const reason = whyOut(after, name) ?? 'it is not selected any more';
    differences.push(about('hosts', 'gone', `is not in it any more: ${reason}`, name));
  }
  for (const [name, now] of is) {
    const then = was.get(name);
    if (!then) continue;
    const facts: [string, string, string][] = [
      ['wave', then.wave, now.wave],
      ['role in its cluster', then.clusterRole ?? 'none', now.clusterRole ?? 'none'],
      ['cluster', then.cluster ?? 'none', now.cluster ?? 'none'],
      ['importance', String(then.importance), String(now.importance)],
      ['on drift', then.onDrift ?? 'report', now.onDrift ?? 'report'],
      ['starts with', then.unit === name ? 'nobody' : then.unit, now.unit === name ? 'nobody' : now.unit],
    ];
    for (const [what, old, value] of facts)
      if (old !== value) differences.push(about('hosts', 'changed', `${what}: ${old} becomes ${value}`, name));
  }
  const out = (header: PlanHeader) => new Map(header.excluded.map(({ host, reason }) => [host, reason]));
  const [wasOut, isOut] = [out(before), out(after)];
  for (const [name, reason] of isOut) {
    const old = wasOut.get(name);
    if (old === undefined && !was.has(name)) differences.push(about('hosts', 'added', `is left out: ${reason}`, name));
    else if (old !== undefined && old !== reason)
      differences.push(about('hosts', 'changed', `is left out for another reason: ${reason}`, name));
  }
  for (const name of wasOut.keys())
    if (!isOut.has(name) && !is.has(name))
      differences.push(about('hosts', 'gone', 'is not even selected any more', name));
  return differences;
}

function versionDifferences(before: PlanHeader, after: PlanHeader): Difference[] {
  const was = byName(before.hosts);
  return after.hosts.flatMap(host => {
    const then = was.get(host.name);
    if (!then) return [];
    const changes = ({ changes: own }: PlannedHost) =>
      new Map(own.map(each => [`${each.component} (${each.product})`, each]));
    const [old, now] = [changes(then), changes(host)];
    const text = (each: { from: string | null; to: string } | undefined) =>
      each ? `${each.from ?? 'nothing'} -> ${each.to}` : 'stays as it is';
    return [...new Set([...old.keys(), ...now.keys()])].flatMap(key => {
      const [from, to] = [text(old.get(key)), text(now.get(key))];
      if (from === to) return [];
      const change = old.has(key) ? (now.has(key) ? 'changed' : 'gone') : 'added';
      return [about('versions', change, `${key}: ${from} becomes ${to}`, host.name)];
    });
  });
}

function stepDifferences(before: Plan, after: Plan): Difference[] {
  const was = new Map(before.orders.map(({ order }) => [order.host.name, order]));
  return after.orders.flatMap(({ order }) => {
    const then = was.get(order.host.name);
    if (!then) return [];
    const { name } = order.host;
    const [old, now] = [then, order].map(
      each => new Map(each.jobs.map(job => [job.id, comparable(job, each.plan)])),
    ) as [Map<string, Json>, Map<string, Json>];
    const differences: Difference[] = [];
    let isLearned = false;
    for (const [id, job] of now) {
      const known = old.get(id);
      if (known === undefined) differences.push(about('steps', 'added', `${id} is done`, name));
      else {
        const parts = differing(known, job);
        const others = parts.filter(part => !LEARNED.has(part));
        if (others.length < parts.length) isLearned = true;
        if (others.length > 0) differences.push(about('steps', 'changed', `${id}: other ${others.join(', ')}`, name));
      }
    }
    if (isLearned) differences.push(about('steps', 'changed', 'expected to take another time than before', name));
    for (const id of old.keys()) if (!now.has(id)) differences.push(about('steps', 'gone', `${id} is not done`, name));
    const common = (own: Map<string, Json>, other: Map<string, Json>) =>
      [...own.keys()].filter(id => other.has(id)).join(' ');
    if (common(old, now) !== common(now, old)) differences.push(about('steps', 'changed', 'in another order', name));
    return differences;
  });
}

/** What a job takes is learned from one night to the next: said once for a host, and not of every job. */
const LEARNED: ReadonlySet<string> = new Set(['expectedMs', 'p90Ms']);

/** A job without what differs from one compilation to the next: its times, and names made of the time of compiling. */
function comparable(job: Job, plan: { name: string; compiledAt: number }): Json {
  const { notBefore: _, notAfter: __, ...rest } = job;
  const text = canonicalJson(rest as unknown as Json);
  return JSON.parse(text.replaceAll(`${plan.name.slice(0, 96)}-${plan.compiledAt}`, '<plan>')) as Json;
}

/** Names of the parts that differ. */
function differing(before: Json, after: Json): string[] {
  const [was, is] = [before, after] as [Record<string, Json>, Record<string, Json>];
  return Object.keys({ ...was, ...is }).filter(
    key => key !== 'reason' && canonicalJson(was[key] ?? null) !== canonicalJson(is[key] ?? null),
  );
}

/** Everything that is no host: waves with their gates, limits, clusters, budgets, approvals, window, bundle. */
function ruleDifferences(before: PlanHeader, after: PlanHeader): Difference[] {
  const names = (header: PlanHeader) => ({
    waves: header.waves.map(({ name, ...rest }) => [`wave ${name}`, rest] as const),
    limits: header.limits.map(({ name, maxOut }) => [`limit ${name}`, { 'hosts out at once': maxOut }] as const),
    clusters: header.clusters.map(({ name, ...rest }) => [`cluster ${name}`, rest] as const),
    budgets: header.budgets.map(budget => [`budget ${canonicalJson(budget)}`, {}] as const),
  });
  const [was, is] = [names(before), names(after)];
  const limits = (['waves', 'limits', 'clusters', 'budgets'] as const).flatMap(kind =>
    keyed('limits', was[kind] as Keyed, is[kind] as Keyed),
  );
  const { skipped: _, start: oldStart, end: oldEnd, ...oldWindow } = before.window;
  const { skipped: __, start, end, ...window } = after.window;
  const length = (from: number, to: number) => ({ minutes: (to - from) / 60_000 });
  const rules = (header: PlanHeader) =>
    header.approvals.map(rule => [`rule ${canonicalJson(rule)}`, {}] as const) as Keyed;
  return [
    ...limits,
    ...keyed('approvals', rules(before), rules(after)),
    ...keyed(
      'approvals',
      [['emergency', { reason: before.emergency?.reason ?? 'none' }]],
      [['emergency', { reason: after.emergency?.reason ?? 'none' }]],
    ),
    ...keyed(
      'window',
      [['window', { ...oldWindow, ...length(oldStart, oldEnd) }]],
      [['window', { ...window, ...length(start, end) }]],
    ),
    ...keyed(
      'versions',
      [['bundle', { name: before.bundle.name, leftOut: before.bundle.leftOut }]],
      [['bundle', { name: after.bundle.name, leftOut: after.bundle.leftOut }]],
    ),
    ...(oldStart === start
      ? []
      : keyed('window', [['window', { opens: iso(oldStart) }]], [['window', { opens: iso(start) }]])),
  ];
}

type Keyed = readonly (readonly [string, Readonly<Record<string, unknown>>])[];

function keyed(area: Difference['area'], before: Keyed, after: Keyed): Difference[] {
  const [was, is] = [new Map(before), new Map(after)];
  const differences: Difference[] = [];
  for (const [key, value] of is) {
    const old = was.get(key);
    if (old === undefined) {
      differences.push(about(area, 'added', key));
      continue;
    }
    for (const part of Object.keys({ ...old, ...value })) {
      const [from, to] = [old[part], value[part]].map(each => canonicalJson((each ?? null) as Json));
      if (from !== to) differences.push(about(area, 'changed', `${key}: ${part} ${from} becomes ${to}`));
    }
  }
  for (const key of was.keys()) if (!is.has(key)) differences.push(about(area, 'gone', key));
  return differences;
}

const about = (
  area: Difference['area'],
  change: Difference['change'],
  what: string,
  ...hosts: string[]
): Difference => ({ area, change, what, hosts });

/** The same of several hosts is told once. */
function folded(differences: readonly Difference[]): Difference[] {
  const groups = new Map<string, Difference>();
  for (const each of differences) {
    const key = `${each.area}\0${each.change}\0${each.what}`;
    const group = groups.get(key);
    if (group) group.hosts.push(...each.hosts);
    else groups.set(key, { ...each, hosts: [...each.hosts] });
  }
  return [...groups.values()];
}

const byName = (hosts: readonly PlannedHost[]): Map<string, PlannedHost> =>
  new Map(hosts.map(host => [host.name, host]));
const iso = (ms: number): string => new Date(ms).toISOString();
