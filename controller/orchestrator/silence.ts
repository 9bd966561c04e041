import type { Phase } from './phase.ts';
import type { IndexedHost } from './plan-index.ts';
import type { HostSnapshot, JobSnapshot, RunSnapshot } from './snapshot.ts';

/** Since when there has been no word, and how to say it after the host's name. */
export interface Silence {
  since: number;
  text: string;
}

/**
 * Why a host counts as silent, or null. Silence is a matter of deadlines: from the moment at which it should say
 * something, and never of a host whose turn has not come.
 */
export function silenceOf(
  snapshot: RunSnapshot,
  plan: IndexedHost,
  host: HostSnapshot,
  phase: Phase,
  now: number,
): Silence | null {
  const { silenceMs, listeningSince } = snapshot.deadlines;
  const opened = snapshot.waves[plan.wave]?.openedAt ?? null;
  switch (phase.is) {
    case 'waiting': {
      if (opened === null) return null;
      if (host.acceptedAt === null) {
        const since = Math.max(opened, host.offeredAt ?? now, listeningSince);
        return now - since > silenceMs
          ? { since, text: `has not answered the offer of its order for ${seconds(now - since)}` }
          : null;
      }
      return unheard(host, Math.max(opened, listeningSince), silenceMs, now);
    }
    case 'working':
      if (phase.atHold) return null;
      return (
        unheard(
          host,
          Math.max(host.startedAt ?? now, listeningSince),
          silenceMs + awayFor(plan, phase.position),
          now,
        ) ?? stuck(snapshot, plan, host.jobs[phase.position], phase.position, host, now)
      );
    case 'undoing': {
      // What ran when it was turned comes to its end first, and in its own time.
      const running = host.undo.size === 0 ? host.jobs.findIndex(({ state }) => state === 'running') : -1;
      if (running >= 0)
        return (
          unheard(host, Math.max(lastWord(host), listeningSince), silenceMs + awayFor(plan, running), now) ??
          stuck(snapshot, plan, host.jobs[running], running, host, now)
        );
      const last = [...host.undo].reduce((low, [position]) => Math.min(low, position), plan.jobs.length);
      return (
        unheard(host, Math.max(lastWord(host), listeningSince), silenceMs, now) ??
        stuck(snapshot, plan, host.undo.get(last), Math.min(last, plan.jobs.length - 1), host, now)
      );
    }
    case 'done':
      // Where all is taken back it is to go, too.
      return snapshot.run.state === 'undoing' ? unheard(host, listeningSince, silenceMs, now) : null;
    default:
      return null;
  }
}

function unheard(host: HostSnapshot, since: number, silenceMs: number, now: number): Silence | null {
  if (host.connected) return null;
  const heard = Math.max(host.lastSeenAt ?? 0, since);
  return now - heard > silenceMs ? { since: heard, text: `has not been heard from for ${seconds(now - heard)}` } : null;
}

/** A server that boots says nothing meanwhile, and large ones take minutes: it has the time that its job has. */
const awayFor = (plan: IndexedHost, position: number): number => {
  const job = plan.jobs[position];
  return job?.reboots ? job.timeoutMs : 0;
};

/** Connected, and yet nothing goes on: past the job's own timeout, which the agent enforces, and a deadline on top. */
function stuck(
  snapshot: RunSnapshot,
  plan: IndexedHost,
  job: JobSnapshot | undefined,
  position: number,
  host: HostSnapshot,
  now: number,
): Silence | null {
  const planned = plan.jobs[position];
  if (!planned) return null;
  const { silenceMs, listeningSince } = snapshot.deadlines;
  const since = Math.max(lastWord(host), lastEndBefore(snapshot, plan, position), listeningSince);
  const allowed = planned.timeoutMs + planned.backoffMs + silenceMs;
  if (now - since <= allowed) return null;
  const doing = job?.state === 'running' ? 'is still at' : 'has not begun';
  return { since, text: `${doing} "${planned.name}", nothing was reported for ${seconds(now - since)}` };
}

/** When a job of this host was last reported to start or end. */
function lastWord(host: HostSnapshot): number {
  let last = Math.max(host.startedAt ?? 0, host.turnedAt ?? 0);
  for (const job of host.jobs) last = Math.max(last, job.startedAt ?? 0, job.endedAt ?? 0);
  for (const job of host.undo.values()) last = Math.max(last, job.startedAt ?? 0, job.endedAt ?? 0);
  return last;
}

/** A job behind a hold point is released when what it waits for has ended, not when the host's job before it has. */
function lastEndBefore(snapshot: RunSnapshot, plan: IndexedHost, position: number): number {
  let last = 0;
  for (const hold of plan.holds.get(position) ?? []) {
    last = Math.max(last, snapshot.hosts[hold.host]?.jobs[hold.position]?.endedAt ?? 0);
  }
  return last;
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
