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
    wait = { text: role.text, passes: role.state === 'not-known' };
    if (role.state === 'not-known') actions.push(...ask(picture, host));
    else actions.push(...refuse(picture, host, role.text));
  }
  return { actions, wait };
}

type Role = { state: 'as-planned' } | { state: 'not-known'; text: string } | { state: 'wrong'; text: string };

function roleOf(picture: Picture, host: HostPicture): Role {
  const { planned } = host.plan;
  const { run, deadlines } = picture.snapshot;
  if (planned.clusterRole === null) return { state: 'as-planned' };
  const { role } = host.host;
  const fresh =
    role !== null && role.observedAt >= run.startedAt && picture.now - role.observedAt <= deadlines.factsMaxAgeMs;
  if (fresh && role.is === planned.clusterRole) return { state: 'as-planned' };
  const cluster = `cluster ${planned.cluster}`;
  if (fresh && role.is !== null) {
    return {
      state: 'wrong',
      text: `${cluster}: ${nameOf(host)} is ${role.is}, it was planned as ${planned.clusterRole}`,
    };
  }
  const text = `${cluster}: whether ${nameOf(host)} is active or standby is not known`;
  // Facts that are only old are asked for again; a probe that has not told once in this run asks a person.
  const told = role !== null && role.is !== null && role.observedAt >= run.startedAt;
  const asked = host.host.factsAsked;
  return !told && asked !== null && picture.now - asked.first > deadlines.silenceMs
    ? { state: 'wrong', text: `${text}: its facts do not say so` }
    : { state: 'not-known', text };
}

function ask(picture: Picture, host: HostPicture): Action[] {
  const asked = host.host.factsAsked;
  if (asked !== null && picture.now - asked.last < picture.snapshot.deadlines.factsRetryMs) return [];
  return [{ action: 'observeFacts', host: host.index }];
}

function refuse(picture: Picture, host: HostPicture, text: string): Action[] {
  const key = `host:${picture.snapshot.run.id}:${host.plan.planned.id}:role`;
  const actions: Action[] = [{ action: 'hold', host: host.index, reason: text }];
  if (!picture.snapshot.incidents.has(key)) {
    actions.unshift({
      action: 'openIncident',
      key,
      host: host.index,
      title: text,
      detail:
        'Nothing was taken out of service on it in this run. Give the cluster back the roles that the plan was made for and plan it ' +
        'anew, or resolve this incident to go on without the host.',
    });
  }
  return actions;
}
