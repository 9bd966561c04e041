import { errorAt, type PlanError } from './errors.ts';
import type { PlannedOrder } from './expand-steps.ts';
import { append } from './fleet-view.ts';
import { findCycle } from './graph.ts';
import type { Policy } from './policy.ts';
import type { Precedence } from './precedences.ts';
import type { PlannedWave } from './waves.ts';

/** Jobs by `host\0position`, waves by `\0begin` and `\0end` of their name. */
type Node = string;

/**
 * Whether order of jobs, precedences and waves together wait for each other: such a plan would begin and never end. The
 * error names the circle. Only jobs that something waits for, or that wait, can be in one, so only these are looked at:
 * plans have a million jobs.
 */
export function findDeadlock(
  policy: Policy,
  orders: readonly PlannedOrder[],
  waves: readonly PlannedWave[],
  precedences: readonly Precedence[],
): PlanError[] {
  const byHost = new Map(orders.map(planned => [planned.order.host.name, planned]));
  const positions = positionsThatWait(byHost, precedences);
  const edges = new Map<Node, Node[]>();
  for (const [host, own] of positions) {
    const sorted = [...own.values()].sort((a, b) => a - b);
    for (const [index, position] of sorted.entries())
      if (index > 0) append(edges, `${host}\0${sorted[index - 1]}`, `${host}\0${position}`);
  }
  for (const { rule, needs, candidates } of waves) {
    const [begin, end] = [`\0begin ${rule.name}`, `\0end ${rule.name}`];
    for (const need of needs) append(edges, `\0end ${need}`, begin);
    for (const { view } of candidates) {
      const own = positions.get(view.host.name);
      if (!own) continue;
      append(edges, begin, `${view.host.name}\0${Math.min(...own.values())}`);
      append(edges, `${view.host.name}\0${Math.max(...own.values())}`, end);
    }
    // Whoever waits for nobody on another host still lies between its wave's beginning and its end.
    append(edges, begin, end);
  }
  for (const { before, after } of precedences) {
    const [from, to] = [before, after].map(ref => positions.get(ref.host)?.get(ref.job));
    if (from !== undefined && to !== undefined) append(edges, `${before.host}\0${from}`, `${after.host}\0${to}`);
  }
  const cycle = findCycle(edges.keys(), node => edges.get(node) ?? []);
  if (!cycle) return [];
  const text = shorten(cycle, node => node.split('\0')[0] ?? '').map(node => nameOf(node, byHost));
  const place = policy.waves[0]?.place ?? policy.select.place;
  return [errorAt(place, `these wait for each other: ${[...text, text[0]].join(' -> ')}`)];
}

/** By host: the places of the jobs in precedences, by their ids. */
function positionsThatWait(
  byHost: ReadonlyMap<string, PlannedOrder>,
  precedences: readonly Precedence[],
): Map<string, Map<string, number>> {
  const wanted = new Map<string, Set<string>>();
  for (const { before, after } of precedences) {
    for (const { host, job } of [before, after]) {
      const own = wanted.get(host);
      if (own) own.add(job);
      else wanted.set(host, new Set([job]));
    }
  }
  const positions = new Map<string, Map<string, number>>();
  for (const [host, ids] of wanted) {
    const own = new Map<string, number>();
    for (const [position, job] of (byHost.get(host)?.order.jobs ?? []).entries())
      if (ids.has(job.id)) own.set(job.id, position);
    if (own.size > 0) positions.set(host, own);
  }
  return positions;
}

function nameOf(node: Node, byHost: ReadonlyMap<string, PlannedOrder>): string {
  const [host = '', rest = ''] = node.split('\0');
  if (host !== '') return byHost.get(host)?.order.jobs[Number(rest)]?.name ?? node;
  const [what, ...name] = rest.split(' ');
  return `wave ${name.join(' ')} ${what}s`;
}

/** Of a row of jobs on one host only the first and the last: what is between them explains nothing. */
function shorten(cycle: readonly Node[], hostOf: (node: Node) => string): Node[] {
  return cycle.filter((node, index) => {
    const [previous, next] = [cycle.at(index - 1), cycle[(index + 1) % cycle.length]];
    const host = hostOf(node);
    return host === '' || hostOf(previous ?? '') !== host || hostOf(next ?? '') !== host;
  });
}
