import type { NewRunEvent } from '@tidemark/controller/orchestrator/ports.ts';
import { present } from '@tidemark/shared/base/assert.ts';
import {
  type HostTruth,
  hasBegun,
  isAtWork,
  isDown,
  isOut,
  isPatched,
  isTakenBack,
  isTouched,
  type Started,
  TOUCHES,
  type World,
} from './world.ts';

/*
 * What must hold at every moment of every night, judged from what the servers did. Only where it is about people and
 * records (incidents, budgets, the end) is the controller's word looked at too, against what is true.
 */

export interface Moment {
  world: World;
  now: number;
  /** Nothing befalls the night that needs a person at a server. */
  calm: boolean;
  approvalExpiresAt: number;
}

/** What the controllers have put on record. */
export interface Records {
  events: readonly NewRunEvent[];
  state: string;
  endedAt: number | null;
  incidents: readonly { hostId: string | null; title: string; state: 'open' | 'resolved' }[];
  /** By host id. */
  hosts: ReadonlyMap<
    string,
    { held: string | null; jobs: readonly { position: number; direction: string; state: string }[] }
  >;
}

export interface Property {
  name: string;
  /** A step is about to begin: why it must not. */
  onStart?(moment: Moment, started: Started): string | null;
  /** Every simulated minute: what is wrong. */
  everyMinute?(moment: Moment, records: Records): string | null;
  /** The night is over: what is wrong. */
  atEnd?(moment: Moment, records: Records): string | null;
}

const isFirstStart = ({ truth, direction }: Started): boolean => direction === 'forward' && !hasBegun(truth);
const nameOf = (truth: HostTruth): string => truth.planned.name;
const jobAt = (truth: HostTruth, position: number) => present(truth.order.jobs[position], `job ${position}`);

/** Hosts that stop and start as one are planned as one. */
function together(world: World, truth: HostTruth): HostTruth[] {
  return world.hosts.filter(other => other.planned.unit === truth.planned.unit);
}

const tierOrder: Property = {
  name: 'tier order',
  onStart({ world }, { truth, position, direction }) {
    const job = jobAt(truth, position);
    if (direction === 'undo' || (job.call.kind !== 'service/stop' && job.call.kind !== 'service/start')) return null;
    const component = world.landscape.components.find(one => one.name === job.component && one.host === nameOf(truth));
    const rank = rankOf(world, component?.tier);
    for (const other of together(world, truth)) {
      for (const [index, planned] of other.order.jobs.entries()) {
        if (planned.call.kind !== job.call.kind || other.passed.has(index)) continue;
        const peer = world.landscape.components.find(
          one => one.name === planned.component && one.host === nameOf(other),
        );
        if (!peer || peer.application !== component?.application) continue;
        const first = rankOf(world, peer.tier);
        const wrong = job.call.kind === 'service/stop' ? first < rank : first > rank;
        if (wrong) return `"${job.name}" begins before "${planned.name}" has ended`;
      }
    }
    return null;
  },
};
const rankOf = (world: World, tier: string | null | undefined): number =>
  world.tiers.findIndex(({ name }) => name === tier);

const precedence: Property = {
  name: 'precedences of the plan',
  onStart({ world }, { truth, position, direction }) {
    if (direction === 'undo') return null;
    const job = jobAt(truth, position).id;
    for (const { before, after, reason } of precedencesOf(world).get(`${nameOf(truth)}\0${job}`) ?? []) {
      const other = present(world.byName.get(before.host), before.host);
      const needed = other.order.jobs.findIndex(({ id }) => id === before.job);
      if (!other.passed.has(needed) && !other.wentOnAfter.has(needed))
        return `${after.job} on ${after.host} begins before ${before.job} on ${before.host}: ${reason}`;
    }
    return null;
  },
};

const indexed = new WeakMap<World, Map<string, World['plan']['header']['precedences']>>();
function precedencesOf(world: World) {
  const known =
    indexed.get(world) ?? Map.groupBy(world.plan.header.precedences, ({ after }) => `${after.host}\0${after.job}`);
  indexed.set(world, known);
  return known;
}

const membersOf = (world: World, truth: HostTruth): HostTruth[] =>
  truth.planned.cluster === null
    ? []
    : world.hosts.filter(other => other !== truth && other.planned.cluster === truth.planned.cluster);

const clusterOrder: Property = {
  name: 'cluster order',
  onStart({ world }, started) {
    const { truth } = started;
    if (!isFirstStart(started) || truth.planned.clusterRole !== 'active') return null;
    const early = membersOf(world, truth).find(
      other => other.planned.clusterRole === 'standby' && !isPatched(world, other),
    );
    return early ? `${nameOf(truth)} is the active member and begins before ${nameOf(early)} is patched` : null;
  },
};

const lastHealthy: Property = {
  name: 'never the last healthy member',
  onStart({ world }, { truth, position, direction }) {
    if (direction === 'undo' || truth.planned.cluster === null) return null;
    const kind = jobAt(truth, position).call.kind;
    if (!TOUCHES.has(kind)) return null;
    const others = membersOf(world, truth);
    if (others.length === 0 || others.some(other => !isDown(other))) return null;
    return `${nameOf(truth)} is touched, and no other member of ${truth.planned.cluster} serves`;
  },
};

const maxParallel: Property = {
  name: 'maxParallel',
  onStart({ world }, started) {
    if (!isFirstStart(started)) return null;
    const { wave } = started.truth.planned;
    const most = world.plan.header.waves.find(({ name }) => name === wave)?.maxParallel ?? 0;
    const atWork = world.hosts.filter(
      other => other !== started.truth && other.planned.wave === wave && isAtWork(world, other),
    );
    return atWork.length + 1 > most ? `${atWork.length + 1} hosts of wave ${wave} are at work, ${most} may` : null;
  },
};

const limits: Property = {
  name: 'limits',
  onStart({ world }, started) {
    if (!isFirstStart(started)) return null;
    for (const limit of world.plan.header.limits) {
      if (!limit.hosts.includes(nameOf(started.truth))) continue;
      const out = limit.hosts.filter(name => {
        const other = world.byName.get(name);
        return other !== undefined && other !== started.truth && isOut(world, other);
      });
      if (out.length + 1 > limit.maxOut)
        return `${[...out, nameOf(started.truth)].join(', ')} are out at once, ${limit.maxOut} may: ${limit.reason}`;
    }
    return null;
  },
};

/** From the landscape and the policy, and not from what the planner made of them. */
const minInService: Property = {
  name: 'minInService',
  onStart({ world }, { truth, position, direction }) {
    const job = jobAt(truth, position);
    if (direction === 'undo' || job.call.kind !== 'service/stop' || together(world, truth).length > 1) return null;
    const component = world.landscape.components.find(one => one.name === job.component && one.host === nameOf(truth));
    const minimum = world.tiers.find(({ name }) => name === component?.tier)?.minInService ?? null;
    if (!component || minimum === null) return null;
    const tier = world.landscape.components.filter(
      one => one.application === component.application && one.tier === component.tier,
    );
    const serving = tier.filter(({ host }) => {
      const other = world.byName.get(host);
      return host !== nameOf(truth) && (other === undefined || !deliberatelyDown(other));
    });
    // What is alone in its tier can only be in an application that stops as a whole.
    if (tier.length === 1) return null;
    const needed = 'count' in minimum ? minimum.count : Math.ceil(tier.length * minimum.share - 1e-9);
    return serving.length < needed
      ? `${serving.length} of ${tier.length} in tier ${component.tier} of ${component.application} stay in service, ${needed} must`
      : null;
  },
};
/** By the work of this night; a server that dies beside it is nobody's doing. */
const deliberatelyDown = (truth: HostTruth): boolean => [...truth.down.values()].includes(true);

const waves: Property = {
  name: 'waves in their order',
  onStart({ world, now }, started) {
    if (!isFirstStart(started)) return null;
    const { header } = world.plan;
    const wave = header.waves.findIndex(({ name }) => name === started.truth.planned.wave);
    for (const before of header.waves.slice(0, wave)) {
      const busy = world.hosts.filter(other => other.planned.wave === before.name && isAtWork(world, other));
      // One that fell silent while it worked is given up, and may go on by itself.
      const blind = busy.filter(other => other.host.fate.troubles.length === 0 && other.host.isUp);
      if (blind.length > 0 && now - Math.max(...blind.map(other => other.firstStartAt ?? 0)) < 60_000)
        return `${nameOf(started.truth)} begins while ${blind.map(nameOf).join(', ')} of wave ${before.name} have only just begun`;
    }
    return null;
  },
};

const once: Property = {
  name: 'no job twice',
  onStart(_, { truth, position, direction, attempt }) {
    if (direction === 'undo') return null;
    const job = jobAt(truth, position);
    const before = truth.starts[position] ?? 0;
    if (truth.passed.has(position)) return `"${job.name}" is done already and begins again`;
    if (before + 1 !== attempt) return `"${job.name}" begins attempt ${attempt} after ${before} that were begun`;
    return before + 1 > job.retries.max + 1 ? `"${job.name}" begins for the ${before + 1}th time` : null;
  },
};

const window: Property = {
  name: 'nothing outside the window',
  onStart({ world, now }, { truth, position, direction }) {
    const { start, end } = world.plan.header.window;
    const { clockOffsetMs } = truth.host.fate;
    if (now + clockOffsetMs < start) return `"${jobAt(truth, position).name}" begins before the window does`;
    if (direction === 'forward' && now + clockOffsetMs > end)
      return `"${jobAt(truth, position).name}" begins after the window`;
    return null;
  },
};

const fits: Property = {
  name: 'nothing begins that does not fit',
  onStart({ world, now }, started) {
    if (!isFirstStart(started)) return null;
    const { end, reserveMs } = world.plan.header.window;
    const { truth } = started;
    const needed = truth.order.jobs.reduce((sum, job) => sum + job.expectedMs, 0);
    return now + truth.host.fate.clockOffsetMs + needed + reserveMs > end + DELIVERY_MS
      ? `${nameOf(truth)} begins ${Math.round((end - now) / 1000)} s before the end and needs ${Math.round((needed + reserveMs) / 1000)} s with the reserve`
      : null;
  },
};
/** A release that was decided in time waits for a connection, at most as long as a dispatch lives. */
const DELIVERY_MS = 5 * 60_000;

const approval: Property = {
  name: 'no start after the approval has expired',
  onStart({ now, approvalExpiresAt }, started) {
    if (!isFirstStart(started) || now < approvalExpiresAt + DELIVERY_MS) return null;
    return `${nameOf(started.truth)} begins ${Math.round((now - approvalExpiresAt) / 1000)} s after the approval has expired`;
  },
};

const backwards: Property = {
  name: 'what is taken back stays taken back',
  onStart({ world }, { truth, position, direction }) {
    const state = world.standingOf(truth)?.state ?? '';
    return direction === 'forward' && state.startsWith('undo')
      ? `"${jobAt(truth, position).name}" begins on a host that is taken back`
      : null;
  },
};

const budgets: Property = {
  name: 'budgets',
  atEnd({ world }, { events }) {
    // In the order in which the controllers learned of things, so that nobody is blamed for what could not be known.
    const failed = new Set<string>();
    let accepted = 0;
    const begun = new Set<string>();
    for (const event of events) {
      if (event.event === 'run-resumed') accepted = failed.size;
      if (event.host === null || event.direction !== 'forward') continue;
      const truth = present(world.byName.get(event.host), event.host);
      if (event.event === 'released' && !begun.has(event.host)) {
        begun.add(event.host);
        const exceeded = exceededBudget(world, failed);
        if (
          exceeded !== null &&
          failed.size > accepted &&
          !together(world, truth).some(
            other => failed.has(nameOf(other)) || (begun.has(nameOf(other)) && other !== truth),
          )
        )
          return `${event.host} is released although ${failed.size} hosts have failed: ${exceeded}`;
      }
      const job = truth.order.jobs.find(({ id }) => id === event.job);
      const final =
        event.event === 'failed' && job && (event.attempt ?? 1) > job.retries.max && job.onFailure !== 'continue';
      if (final || event.event === 'unknown' || event.event === 'missed') failed.add(event.host);
    }
    return null;
  },
};

function exceededBudget(world: World, failed: ReadonlySet<string>): string | null {
  const { header } = world.plan;
  for (const budget of header.budgets) {
    if (budget.scope !== 'run' || (budget.maxFailed === null && budget.maxFailedShare === null)) continue;
    if (budget.maxFailed !== null && failed.size > budget.maxFailed) return `${budget.maxFailed} may`;
    if (budget.maxFailedShare !== null && failed.size / header.hosts.length > budget.maxFailedShare)
      return `${budget.maxFailedShare * 100} % may`;
  }
  return null;
}

const incidents: Property = {
  name: 'every held thing has an incident',
  atEnd({ world }, { incidents: opened, hosts }) {
    for (const truth of world.hosts) {
      const halfDone = isTouched(truth) && !isPatched(world, truth) && !isTakenBack(world, truth);
      const record = hosts.get(truth.planned.id);
      if (!halfDone && record?.held == null) continue;
      const about = [truth, ...membersOf(world, truth), ...together(world, truth)].map(({ planned }) => planned.id);
      if (opened.some(({ hostId }) => hostId !== null && about.includes(hostId))) continue;
      return `${nameOf(truth)} ${halfDone ? 'stands half done' : `is held (${record?.held})`} and nobody is asked about it`;
    }
    return null;
  },
};

const batch: Property = {
  name: 'what is held for the night is released',
  atEnd({ world }, { incidents: opened }) {
    for (const truth of world.hosts) {
      const at = (kind: string) => truth.order.jobs.findIndex(job => job.call.kind === kind);
      const [hold, release] = [at('batch/hold'), at('batch/release')];
      if (hold < 0 || !truth.passed.has(hold) || truth.passed.has(release) || isTakenBack(world, truth)) continue;
      if (opened.some(({ hostId }) => hostId === truth.planned.id)) continue;
      return `batch work on ${nameOf(truth)} stays held and nobody is asked about it`;
    }
    return null;
  },
};

const ends: Property = {
  name: 'the run ends',
  atEnd({ world, now }, { state, endedAt }) {
    if (endedAt === null)
      return `it is still ${state} ${Math.round((now - world.plan.header.window.end) / 60_000)} min after the window`;
    const open = world.hosts.filter(truth => !isPatched(world, truth));
    return state === 'succeeded' && open.length > 0
      ? `it succeeded, and ${open.map(nameOf).join(', ')} are not patched`
      : null;
  },
};

const truthful: Property = {
  name: 'nothing that was reported is lost',
  atEnd({ world }, { hosts }) {
    for (const truth of world.hosts) {
      // What has not been acknowledged yet may not be known.
      if (truth.host.spool.length > 0) continue;
      const record = hosts.get(truth.planned.id);
      for (const [position, job] of truth.order.jobs.entries()) {
        const known = record?.jobs.find(one => one.position === position && one.direction === 'forward');
        const began = (truth.starts[position] ?? 0) > 0;
        const says = known?.state ?? '';
        const lost = began && ['pending', 'released'].includes(says);
        const invented = !began && ['running', 'succeeded', 'failed'].includes(says);
        if (lost || invented)
          return `"${job.name}" ${began ? 'was begun' : 'was not begun'}, and on record it is ${says}`;
      }
    }
    return null;
  },
};

/** Nothing that the rules wait for by themselves takes longer: a job's timeout with its retries, a soak, a silence. */
const PATIENCE_MS = 40 * 60_000;

const moves: Property = {
  name: 'it waits for something',
  everyMinute({ world, now }, { events, state, endedAt, incidents: opened }) {
    const last = events.at(-1);
    if (endedAt !== null || !last || now < world.plan.header.window.start) return null;
    if (now - last.at < PATIENCE_MS || state === 'paused' || opened.some(incident => incident.state === 'open'))
      return null;
    return `nothing has happened for ${Math.round((now - last.at) / 60_000)} min, and nobody is asked anything`;
  },
};

const comesToItsEnd: Property = {
  name: 'what began comes to its end',
  atEnd({ world, calm }) {
    const half = world.hosts.filter(
      truth => isTouched(truth) && !isPatched(world, truth) && !isTakenBack(world, truth),
    );
    return calm && half.length > 0
      ? `${half.map(nameOf).join(', ')} stand half done after a night in which nothing asked for that`
      : null;
  },
};

export const PROPERTIES: readonly Property[] = [
  tierOrder,
  precedence,
  clusterOrder,
  lastHealthy,
  maxParallel,
  limits,
  minInService,
  waves,
  budgets,
  once,
  window,
  fits,
  approval,
  backwards,
  incidents,
  batch,
  ends,
  truthful,
  moves,
  comesToItsEnd,
];
