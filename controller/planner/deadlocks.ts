import { errorAt, type PlanError } from './errors.ts';
import type { PlannedOrder } from './expand-steps.ts';
import { findCycle } from './graph.ts';
import type { Policy } from './policy.ts';
import type { Precedence } from './precedences.ts';
import type { PlannedWave } from './waves.ts';

/** Jobs by `host\0position`, waves by `\0begin` and `\0end` of their name. */
type Node = string;

/**
 * Whether order of jobs, precedences and waves together wait for each other: such a plan would begin and never end. The
 * error names the circle.
 */
export function findDeadlock(
  policy: Policy,
  orders: readonly PlannedOrder[],
  waves: readonly PlannedWave[],
  precedences: readonly Precedence[],
): PlanError[] {
  const edges = new Map<Node, Node[]>();
  const edge = (from: Node, to: Node) => {
    const known = edges.get(from);
    if (known) known.push(to);
    else edges.set(from, [to]);
  };
  const names = new Map<Node, string>();
  const nodes = new Map<string, Node>();
  for (const { order } of orders) {
    for (const [position, job] of order.jobs.entries()) {
      const node = `${order.host.name}\0${position}`;
      names.set(node, job.name);
      nodes.set(`${order.host.name}\0${job.id}`, node);
      if (position > 0) edge(`${order.host.name}\0${position - 1}`, node);
    }
  }
  const lengths = new Map(orders.map(({ order }) => [order.host.name, order.jobs.length]));
  for (const { rule, needs, candidates } of waves) {
    const [begin, end] = [`\0begin ${rule.name}`, `\0end ${rule.name}`];
    names.set(begin, `wave ${rule.name} begins`).set(end, `wave ${rule.name} ends`);
    for (const need of needs) edge(`\0end ${need}`, begin);
    for (const { view } of candidates) {
      edge(begin, `${view.host.name}\0${0}`);
      edge(`${view.host.name}\0${(lengths.get(view.host.name) ?? 1) - 1}`, end);
    }
  }
  for (const { before, after } of precedences) {
    const [from, to] = [before, after].map(ref => nodes.get(`${ref.host}\0${ref.job}`));
    if (from !== undefined && to !== undefined) edge(from, to);
  }
  const cycle = findCycle(edges.keys(), node => edges.get(node) ?? []);
  if (!cycle) return [];
  const text = shorten(cycle, node => node.split('\0')[0] ?? '').map(node => names.get(node) ?? node);
  const place = policy.waves[0]?.place ?? policy.select.place;
  return [errorAt(place, `these wait for each other: ${[...text, text[0]].join(' -> ')}`)];
}

/** Of a row of jobs on one host only the first and the last: what is between them explains nothing. */
function shorten(cycle: readonly Node[], hostOf: (node: Node) => string): Node[] {
  return cycle.filter((node, index) => {
    const [previous, next] = [cycle.at(index - 1), cycle[(index + 1) % cycle.length]];
    const host = hostOf(node);
    return host === '' || hostOf(previous ?? '') !== host || hostOf(next ?? '') !== host;
  });
}
