import { type Wish, whyNot } from './amending.ts';
import { clusterBar } from './clusters.ts';
import { isHeldFor } from './doubt.ts';
import { type HostPicture, isSettled, nameOf, type Picture, pictureAt } from './picture.ts';
import { isStopping } from './snapshot.ts';
import type { HostRunState } from './views.ts';

/** What somebody who is called needs to know about a host of a run: pure, from the run as it is now. */
export interface Situation {
  /** Names of members of its cluster, or of its application where it is in none. */
  peers: { host: string; state: HostRunState; reason: string }[];
  /** What does not go on because of it. */
  held: string[];
  /** Clusters and limits that have no spare left. */
  noSpare: string[];
  minutesLeft: number | null;
  /** Commands that would be accepted now. */
  actions: string[];
}

export function situationOf(
  picture: Picture,
  host: HostPicture | null,
  position: number | null,
  stateOf: (host: HostPicture) => { state: HostRunState; reason: string },
): Situation {
  const { run, plan } = picture.snapshot;
  const left = Math.max(0, Math.floor((plan.header.window.end - picture.now) / 60_000));
  const common = { minutesLeft: left, actions: runActions(picture) };
  if (host === null) return { peers: [], held: [], noSpare: [], ...common };
  return {
    peers: peersOf(picture, host).map(peer => ({ host: nameOf(peer), ...stateOf(peer) })),
    held: heldBy(picture, host),
    noSpare: noSpareFor(picture, host),
    minutesLeft: left,
    actions: [...hostActions(picture, host, position, run.id), ...common.actions],
  };
}

/** So many are shown; "run show" has all. */
const MOST_SHOWN = 20;

function peersOf(picture: Picture, host: HostPicture): HostPicture[] {
  const { cluster, application } = host.plan.planned;
  return picture.hosts
    .filter(other => other !== host)
    .filter(({ plan: { planned } }) =>
      cluster !== null ? planned.cluster === cluster : application !== null && planned.application === application,
    )
    .slice(0, MOST_SHOWN);
}

function heldBy(picture: Picture, host: HostPicture): string[] {
  const held: string[] = [];
  for (const other of picture.hosts) {
    if (other === host || isSettled(other)) continue;
    for (const [at, holds] of other.plan.holds) {
      const hold = holds.find(candidate => candidate.host === host.index);
      if (!hold || other.host.frontier > at) continue;
      held.push(`"${other.plan.jobs[at]?.name}" waits: ${hold.reason}`);
      break;
    }
    if (other.host.held?.endsWith(`is held: ${nameOf(host)} failed`) || isHeldFor(other, host))
      held.push(`${nameOf(other)}: ${other.host.held}`);
    if (held.length >= MOST_SHOWN) break;
  }
  return held;
}

function noSpareFor(picture: Picture, host: HostPicture): string[] {
  const cluster = host.plan.planned.cluster;
  const spare: string[] = [];
  const members = cluster === null ? [] : (picture.snapshot.plan.clusters.get(cluster)?.members ?? []);
  const next = members.map(index => pictureAt(picture, index)).find(member => member !== host && !member.begun);
  const bar = next ? clusterBar(picture, [next]) : null;
  if (bar) spare.push(bar.text);
  for (const number of host.plan.limits) {
    const limit = picture.snapshot.plan.header.limits[number];
    const out = (picture.snapshot.plan.limits[number] ?? []).filter(index => pictureAt(picture, index).begun);
    if (limit && out.length >= limit.maxOut)
      spare.push(`limit ${limit.name}: ${out.length} of ${limit.maxOut} are out`);
  }
  return spare;
}

function hostActions(picture: Picture, host: HostPicture, position: number | null, run: string): string[] {
  const job = position === null ? undefined : host.plan.jobs[position];
  const wishes: (Wish & { text: string })[] = [
    ...(job
      ? (['retry', 'skip', 'done'] as const).map(action => ({
          action,
          position,
          text: `${action} ${run} ${nameOf(host)} ${job.id}`,
        }))
      : []),
    { action: 'undo', position: null, text: `undo ${run} ${nameOf(host)}` },
  ];
  return wishes
    .filter(wish => whyNot(picture, host, wish) === null)
    .map(({ text }) => `tidemark run ${text} --reason TEXT --key FILE`);
}

function runActions({ snapshot: { run } }: Picture): string[] {
  const actions: string[] = [];
  if (run.state === 'running') actions.push(`tidemark run pause ${run.id} --reason TEXT`);
  if (run.state === 'paused') actions.push(`tidemark run resume ${run.id} --reason TEXT`);
  if (!isStopping(run.state)) actions.push(`tidemark run stop ${run.id} --reason TEXT`);
  if (run.state !== 'undoing') actions.push(`tidemark run stop ${run.id} --undo --reason TEXT`);
  return actions;
}
