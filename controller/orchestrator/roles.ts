import { askFor, isAskedInVain } from './asking.ts';
import { type HostPicture, nameOf, type Picture } from './picture.ts';
import type { Action } from './snapshot.ts';

/**
 * Members of clusters begin only in the role that they were planned in, by facts of this run: a failover between plan
 * and run would otherwise turn "standby first" into "active first". A probe that does not tell neither passes nor
 * fails: the host waits, and after a deadline a person is asked.
 */
export function roleCheck(
  picture: Picture,
  hosts: readonly HostPicture[],
): { actions: Action[]; wait: { text: string; passes: boolean } | null } {
  const actions: Action[] = [];
  let wait: { text: string; passes: boolean } | null = null;
  for (const host of hosts) {
    const role = roleOf(picture, host);
    if (role.state === 'as-planned') continue;
    const passes = role.state === 'unknown' && !isAskedInVain(picture, host, toldInRun(picture, host));
    wait = { text: role.text, passes };
    if (passes) actions.push(...askFor(picture, host, toldInRun(picture, host)));
    else if (role.state === 'unknown') actions.push(...doubt(picture, host, role.text));
    else actions.push(...refuse(picture, host, role.text));
  }
  return { actions, wait };
}

/** Of members that are held since nobody knows their role: they are asked on, and let go once they tell. */
export function endedRoleDoubts(picture: Picture): Action[] {
  const { incidents, run, plan } = picture.snapshot;
  const actions: Action[] = [];
  for (const [key, state] of incidents) {
    if (state !== 'open' || !key.startsWith(`host:${run.id}:`)) continue;
    const [, , id = '', cause] = key.split(':', 4);
    const host = cause === DOUBT ? picture.hosts[plan.byId.get(id) ?? -1] : undefined;
    if (!host) continue;
    const isAwaited = host.phase.is === 'waiting' || host.phase.is === 'working';
    const role = roleOf(picture, host);
    if (isAwaited && role.state === 'unknown') {
      if (host.host.connected) actions.push(...askFor(picture, host, toldInRun(picture, host)));
      continue;
    }
    actions.push({ action: 'resolveIncident', key, reason: isAwaited ? 'it has told its role' : 'nobody waits' });
    if (host.host.held?.startsWith(textOf(host)) === true) actions.push({ action: 'letGo', host: host.index });
  }
  return actions;
}

type Role = { state: 'as-planned' } | { state: 'unknown'; text: string } | { state: 'wrong'; text: string };

function roleOf(picture: Picture, host: HostPicture): Role {
  const { planned } = host.plan;
  if (planned.clusterRole === null) return { state: 'as-planned' };
  const role = toldInRun(picture, host);
  const fresh = role !== null && picture.now - role.observedAt <= picture.snapshot.deadlines.factsMaxAgeMs;
  if (!fresh || role.is === null) {
    const why = fresh ? 'its facts do not say so' : 'it does not answer when it is asked';
    return { state: 'unknown', text: `${textOf(host)}: ${why}` };
  }
  if (role.is === planned.clusterRole) return { state: 'as-planned' };
  const text = `cluster ${planned.cluster}: ${nameOf(host)} is ${role.is}, it was planned as ${planned.clusterRole}`;
  return { state: 'wrong', text };
}

function toldInRun({ snapshot: { run } }: Picture, { host: { role } }: HostPicture): HostPicture['host']['role'] {
  return role !== null && role.observedAt >= run.startedAt ? role : null;
}

const textOf = (host: HostPicture): string =>
  `cluster ${host.plan.planned.cluster}: whether ${nameOf(host)} is active or standby is not known`;

const DOUBT = 'unknown-role';

function doubt(picture: Picture, host: HostPicture, text: string): Action[] {
  // With when it was asked first, so that another silence is another doubt.
  const key = `host:${picture.snapshot.run.id}:${host.plan.planned.id}:${DOUBT}:${host.host.factsAsked?.first ?? 0}`;
  return held(picture, host, {
    key,
    text,
    detail:
      'Nothing was taken out of service on it in this run. Look at its agent and at what it tells of itself: it goes on by itself ' +
      'as soon as it tells its role. Resolve this incident to go on without the host.',
  });
}

const refuse = (picture: Picture, host: HostPicture, text: string): Action[] =>
  held(picture, host, {
    key: `host:${picture.snapshot.run.id}:${host.plan.planned.id}:role`,
    text,
    detail:
      'Nothing was taken out of service on it in this run. Give the cluster back the roles that the plan was made for and plan it ' +
      'anew, or resolve this incident to go on without the host.',
  });

function held(
  { snapshot: { incidents } }: Picture,
  host: HostPicture,
  { key, text, detail }: { key: string; text: string; detail: string },
): Action[] {
  const hold: Action = { action: 'hold', host: host.index, reason: text };
  return incidents.has(key) ? [hold] : [{ action: 'openIncident', key, host: host.index, title: text, detail }, hold];
}
