import { isAskedInVain } from './asking.ts';
import { type HostPicture, isHeard, isOut, nameOf, type Picture, pictureAt } from './picture.ts';

/**
 * What is known of a member: `unknown` where its probe does not tell, or told too long ago; `away` where its connection is
 * gone and it may be back in a moment.
 */
export interface MemberHealth {
  is: 'well' | 'ill' | 'unknown' | 'away';
  /** To be said after its name. */
  text: string;
}

/** A member that is out, silent or not well by its own probe covers for nobody. */
export function healthOf(picture: Picture, host: HostPicture): MemberHealth {
  return isOut(host) ? { is: 'ill', text: 'is out of service' } : probedHealth(picture, host);
}

/** What is known of it, whatever the run does or did on it. */
export function probedHealth(picture: Picture, host: HostPicture): MemberHealth {
  const { snapshot, now } = picture;
  const { deadlines } = snapshot;
  if (host.silence !== null) return { is: 'ill', text: host.silence };
  if (!isHeard(picture, host)) return { is: 'ill', text: 'is not connected' };
  if (!host.host.connected) return { is: 'away', text: 'has lost its connection' };
  const { cluster } = host.plan.planned;
  const asks = cluster !== null && (snapshot.plan.clusters.get(cluster)?.planned.healthyWhen ?? null) !== null;
  if (!asks) return { is: 'well', text: 'is well' };
  const { healthy } = host.host;
  const fresh = healthy !== null && now - healthy.observedAt <= deadlines.factsMaxAgeMs;
  if (!fresh || healthy.is === null) return { is: 'unknown', text: 'does not tell whether it is well' };
  return healthy.is ? { is: 'well', text: 'is well' } : { is: 'ill', text: 'is not well by its probe' };
}

/** Why hosts may not leave a cluster now. */
export interface ClusterBar {
  text: string;
  /** Of the incident about those that are ill. */
  key: string;
  /** It may change although nothing else in the run moves. Not where a person gave up those that wait. */
  passes: boolean;
  /** Members that have to be asked: what they say may change it. */
  ask: readonly HostPicture[];
  /** Members that are no help although nobody is at work on them: somebody should look. */
  ill: readonly HostPicture[];
}

/**
 * Why these hosts, which would go out of service together, may not: a cluster of theirs would have fewer healthy members
 * than it needs, and it always needs one. Null where nothing speaks against it. Members that are not in the plan are
 * nobody's business here; what other runs do to them is counted by limits with a key.
 */
export function clusterBar(
  picture: Picture,
  going: readonly HostPicture[],
  /** Numbers of hosts that have been let go in the same breath. */
  gone: ReadonlySet<number> = NOBODY,
): ClusterBar | null {
  const { clusters } = picture.snapshot.plan;
  for (const { plan } of going) {
    const cluster = plan.planned.cluster === null ? undefined : clusters.get(plan.planned.cluster);
    // Alone it covers for nobody, and nobody for it.
    if (!cluster || cluster.planned.members.length < 2) continue;
    const { name, minHealthy, members } = cluster.planned;
    const others = cluster.members.map(index => pictureAt(picture, index)).filter(host => !going.includes(host));
    let healthy = members.length - cluster.members.length;
    const ask: HostPicture[] = [];
    const ill: HostPicture[] = [];
    let tells = false;
    const reasons: string[] = [];
    for (const other of others) {
      const health = gone.has(other.index) ? GONE : healthOf(picture, other);
      if (health.is === 'well') healthy++;
      else reasons.push(`${nameOf(other)} ${health.text}`);
      if (health.is === 'unknown') ask.push(other);
      const isMute = health.is === 'unknown' && isAskedInVain(picture, other, other.host.healthy);
      tells ||= health.is === 'away' || (health.is === 'unknown' && !isMute);
      if (isMute || (health.is === 'ill' && health !== GONE && !isOut(other))) ill.push(other);
    }
    if (healthy >= minHealthy) continue;
    const why = reasons.length > 0 ? `: ${reasons.join(', ')}` : '';
    const text = `cluster ${name} needs ${minHealthy} healthy members beside it and has ${healthy}${why}`;
    const key = `cluster:${picture.snapshot.run.id}::${name}:${ill.map(nameOf).join(',')}`;
    const passes = tells || (ill.length > 0 && picture.snapshot.incidents.get(key) !== 'resolved');
    return { text, key, passes, ask, ill };
  }
  return null;
}

const NOBODY: ReadonlySet<number> = new Set();
const GONE: MemberHealth = { is: 'ill', text: 'is out of service' };

/** Why the other members of a cluster are held. */
export const heldFor = (cluster: string, host: string): string => `cluster ${cluster} is held: ${host} failed`;
