import { phaseOf } from './phase.ts';
import type { IndexedHost } from './plan-index.ts';
import type { HostSnapshot, RunSnapshot } from './snapshot.ts';

/*
 * A connection takes a message and may swallow it: it was broken already, or the host has come to another controller before
 * this one sees that. Nobody is told, so who does not do what it was asked to is asked again.
 */

/** What a host has been asked and does not answer: to take its order, or to go on. */
export interface Reminder {
  /** Number of the host. */
  host: number;
  of: 'offer' | 'dispatch';
}

/** By number of the host: what it was asked, and since when it is seen not to do it. */
export type Unanswered = ReadonlyMap<number, { asked: string; since: number }>;

/** Three heartbeats: whoever is connected has said by then that it took its order or began. */
const REMIND_MS = 30_000;

/** Whom to ask again, and what to know at the next look. */
export function remindersOf(
  { plan, hosts }: RunSnapshot,
  before: Unanswered,
  now: number,
): { reminders: Reminder[]; unanswered: Unanswered } {
  const reminders: Reminder[] = [];
  const unanswered = new Map<number, { asked: string; since: number }>();
  for (const planned of plan.hosts) {
    const host = hosts[planned.index];
    const asked = host?.connected ? askedOf(planned, host) : null;
    if (asked === null) continue;
    const known = before.get(planned.index);
    const since = known?.asked === asked ? known.since : now;
    const isDue = now - since >= REMIND_MS;
    if (isDue) reminders.push({ host: planned.index, of: asked === OFFER ? 'offer' : 'dispatch' });
    unanswered.set(planned.index, { asked, since: isDue ? now : since });
  }
  return { reminders, unanswered };
}

const OFFER = 'offer';

/** Null where something runs on the host, or nothing is expected of it. */
function askedOf(plan: IndexedHost, host: HostSnapshot): string | null {
  if (host.endedAt !== null || host.offeredAt === null) return null;
  if (host.acceptedAt === null) return host.refusal === null ? OFFER : null;
  if (host.direction === 'undo') {
    const runs = [...host.jobs, ...host.undo.values()].some(({ state }) => state === 'running');
    return !runs && phaseOf(plan, host).is === 'undoing' ? `undo ${host.undo.size}` : null;
  }
  if (host.frontier === 0) return null;
  const phase = phaseOf(plan, host);
  if (phase.is !== 'working' || phase.atHold) return null;
  return host.jobs[phase.position]?.state === 'released' ? `${phase.position} ${host.frontier}` : null;
}
