import { type HostTruth, isAtWork, isDown, isOut, TOUCHES } from '../world.ts';
import { isFirstStart, jobAt, membersOf, nameOf, type Property, together } from './property.ts';

/* How many may be away at once. */

/** Of what touches a server, that which takes it out of service. */
const isOutage = (kind: string): boolean => TOUCHES.has(kind) && kind !== 'batch/hold';

export const lastHealthy: Property = {
  name: 'never the last healthy member',
  onStart({ world, now, restarts, releasedAt }, { truth, position, direction }) {
    if (direction === 'undo' || truth.planned.cluster === null) return null;
    const job = jobAt(truth, position);
    if (!isOutage(job.call.kind)) return null;
    const others = membersOf(world, truth);
    if (others.length === 0 || others.some(other => !isDown(other))) return null;
    const released = releasedAt(nameOf(truth), job.id) ?? now;
    const couldNotBeKnown = others.some(other => {
      const since = other.host.downSince;
      if (since === null || deliberatelyDown(other)) return false;
      const away = restarts.some(({ from, to }) => from < released && to > since);
      return released - since < (away ? NOTICED_LATE_MS : NOTICED_MS);
    });
    return couldNotBeKnown
      ? null
      : `${nameOf(truth)} is touched, and no other member of ${truth.planned.cluster} serves`;
  },
};
/** Three heartbeats are missed until a connection counts as gone, and it is decided every ten seconds at least. */
const NOTICED_MS = 45_000;
/** Where the controller that had the connection was away: until it is back, which takes it three minutes at most. */
const NOTICED_LATE_MS = NOTICED_MS + 180_000;

export const maxParallel: Property = {
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

export const limits: Property = {
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
export const minInService: Property = {
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
