import { present } from '@tidemark/shared/base/assert.ts';
import { isAtWork, isPatched, type World } from '../world.ts';
import { isFirstStart, jobAt, membersOf, nameOf, type Property, rankOf, together } from './property.ts';

/* Who comes before whom, and that nothing comes twice. */

export const tierOrder: Property = {
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

export const precedence: Property = {
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

export const clusterOrder: Property = {
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

export const waves: Property = {
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

export const once: Property = {
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

export const backwards: Property = {
  name: 'what is taken back stays taken back',
  onStart({ world }, { truth, position, direction }) {
    const state = world.standingOf(truth)?.state ?? '';
    return direction === 'forward' && state.startsWith('undo')
      ? `"${jobAt(truth, position).name}" begins on a host that is taken back`
      : null;
  },
};
