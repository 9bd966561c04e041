import { errorAt, type PlanError } from './errors.ts';
import { compareText, listed } from './fleet-view.ts';
import type { Policy, WaveRule } from './policy.ts';
import type { Candidate } from './population.ts';
import { atMost } from './quantities.ts';
import { stageOf } from './roles.ts';
import { Undecided } from './undecided.ts';

/** A wave with its hosts: the most important first, then by name. */
export interface PlannedWave {
  rule: WaveRule;
  candidates: Candidate[];
  maxParallel: number;
  /** Waves that have hosts; those without are left out of the plan. */
  needs: string[];
}

export interface Waves {
  /** In the order in which they run. Those without a host are left out. */
  waves: PlannedWave[];
  /** Hosts that no wave takes: name and reason. */
  excluded: Map<string, string>;
  errors: PlanError[];
}

/** Hosts that go together. */
interface Group {
  name: string;
  candidates: readonly Candidate[];
}

/** The first wave that matches takes a host; a unit goes as a whole into the first wave that matches all of it. */
export function assignWaves(
  policy: Policy,
  candidates: readonly Candidate[],
  importance: ReadonlyMap<string, number> = new Map(),
): Waves {
  const weightOf = ({ view }: Candidate) => importance.get(view.host.name) ?? 0;
  const errors: PlanError[] = [];
  const undecided = new Undecided();
  let left = groupsOf(candidates);
  const waves: PlannedWave[] = [];
  for (const rule of policy.waves) {
    const matching = left.filter(group => matches(rule, group, undecided));
    const taken = rule.pick === null ? matching : pick(rule, countOf(rule.pick, matching), matching, left, errors);
    const gone = new Set(taken);
    left = left.filter(group => !gone.has(group));
    const hosts = taken
      .flatMap(group => group.candidates)
      .sort((a, b) => weightOf(b) - weightOf(a) || compareText(a.view.host.name, b.view.host.name));
    const maxParallel = rule.maxParallel ?? Math.max(1, hosts.length);
    waves.push({ rule, candidates: hosts, maxParallel, needs: rule.needs });
    for (const group of taken) {
      if (group.candidates.length > maxParallel)
        errors.push(
          errorAt(
            rule.place,
            `wave ${rule.name} lets ${maxParallel} hosts work at once, and ${group.name} stops ${group.candidates.length} together`,
          ),
        );
    }
  }
  const excluded = new Map(
    left.flatMap(group => group.candidates.map(({ view }) => [view.host.name, noWave(policy, group)] as const)),
  );
  return { waves: withoutEmpty(waves), excluded, errors: [...undecided.errors(), ...errors] };
}

function noWave(policy: Policy, group: Group): string {
  const names = listed(policy.waves.map(wave => wave.name));
  return group.candidates.length > 1 ? `no wave takes all of ${group.name} (${names})` : `no wave takes it (${names})`;
}

function groupsOf(candidates: readonly Candidate[]): Group[] {
  const groups = Map.groupBy(candidates, ({ unit, view }) => unit?.name ?? view.host.name);
  return [...groups]
    .map(([name, members]) => ({ name, candidates: members }))
    .sort((a, b) => compareText(a.name, b.name));
}

function matches(rule: WaveRule, group: Group, undecided: Undecided): boolean {
  if (rule.when === null) return true;
  let all = true;
  for (const { view, role } of group.candidates) {
    const answer = rule.when.holds({ host: { ...view.subject, clusterRole: role ?? '' } });
    if (!answer.ok) undecided.add(rule.place, `whether wave ${rule.name} takes`, view.host.name, answer.error);
    all &&= answer.ok && answer.value;
  }
  return all;
}

/**
 * So many hosts, of as many different kinds as there are: two web servers prove less than one web and one database
 * server. Never a member of a cluster before those that go first, and never two of one cluster.
 */
function pick(
  rule: WaveRule,
  count: number,
  matching: readonly Group[],
  left: readonly Group[],
  errors: PlanError[],
): Group[] {
  const waiting = Map.groupBy(
    left.flatMap(group => group.candidates),
    ({ cluster }) => cluster?.name ?? '',
  );
  const queues = byKind(matching);
  const picked: Group[] = [];
  let free = count;
  // By turns from each kind, until a whole turn finds nothing more that fits.
  for (let found = true; found; ) {
    found = false;
    for (const queue of queues) {
      const next = queue.findIndex(
        group =>
          group.candidates.length <= free &&
          group.candidates.every(candidate => mayBePicked(candidate, picked, waiting)),
      );
      const [group] = next < 0 ? [] : queue.splice(next, 1);
      if (!group) continue;
      picked.push(group);
      free -= group.candidates.length;
      found = true;
    }
  }
  if (picked.length === 0 && matching.length > 0) {
    const smallest = Math.min(...matching.map(group => group.candidates.length));
    const why =
      smallest > count
        ? `the smallest of what could be picked stops ${smallest} hosts together`
        : 'all that it matches are members of clusters in which others go first';
    errors.push(errorAt(rule.place, `wave ${rule.name} picks ${count}, and finds none: ${why}`));
  }
  return picked;
}

/** A share is of the hosts that match, and of few hosts one: a wave that picks nobody by rounding would be no canary. */
function countOf(pick: number | { share: number }, matching: readonly Group[]): number {
  if (typeof pick === 'number') return pick;
  const hosts = matching.reduce((sum, group) => sum + group.candidates.length, 0);
  return Math.max(1, atMost(pick.share, hosts));
}

function mayBePicked(
  candidate: Candidate,
  picked: readonly Group[],
  waiting: ReadonlyMap<string, readonly Candidate[]>,
): boolean {
  const { cluster } = candidate;
  if (!cluster) return true;
  const others = waiting.get(cluster.name) ?? [];
  const stage = stageOf(cluster, candidate.view.host.name);
  if (others.some(other => stageOf(cluster, other.view.host.name) < stage)) return false;
  return !picked.some(group => group.candidates.some(other => other.cluster?.name === cluster.name));
}

/** Kinds of hosts (application and tiers), each a queue by name. */
function byKind(groups: readonly Group[]): Group[][] {
  const kinds = Map.groupBy(groups, group =>
    JSON.stringify(group.candidates.map(({ view }) => [view.subject.app, view.subject.tiers])),
  );
  return (
    [...kinds]
      // What stops as a whole comes last: it is an outage, and no good thing to begin with.
      .sort(([a, [one]], [b, [other]]) => hostsIn(one) - hostsIn(other) || compareText(a, b))
      .map(([, queue]) => queue)
  );
}

const hostsIn = (group: Group | undefined): number => group?.candidates.length ?? 0;

/** Nobody waits for a wave that has no host, nor for its soak; what it waited for is waited for instead. */
function withoutEmpty(waves: readonly PlannedWave[]): PlannedWave[] {
  const byName = new Map(waves.map(wave => [wave.rule.name, wave]));
  const resolve = (name: string): string[] => {
    const wave = byName.get(name);
    if (!wave) return [];
    return wave.candidates.length > 0 ? [name] : wave.needs.flatMap(resolve);
  };
  return waves
    .filter(wave => wave.candidates.length > 0)
    .map(wave => ({ ...wave, needs: [...new Set(wave.needs.flatMap(resolve))] }));
}
