import { createDecider } from '../orchestrator/decide.ts';
import type { IndexedHost, PlanIndex } from '../orchestrator/plan-index.ts';
import {
  type Action,
  DEFAULT_DEADLINES,
  type HostSnapshot,
  type JobSnapshot,
  type RunSnapshot,
  type WaveTimes,
} from '../orchestrator/snapshot.ts';

/** How one night went. Times are milliseconds since the epoch. */
export interface PlayedNight {
  /** When the last job ended. */
  end: number;
  /** By number of the host: why it was not begun. */
  late: ReadonlyMap<number, string>;
}

interface Due {
  at: number;
  /** -1: only look again. */
  host: number;
  /** Jobs below have ended. */
  position: number;
}

/** Facts and words are always fresh here: what is forecast is time. */
const ALWAYS = Number.POSITIVE_INFINITY;
const DEADLINES = { ...DEFAULT_DEADLINES, silenceMs: ALWAYS, factsMaxAgeMs: ALWAYS };
/** More decisions than that for one moment: the rules contradict each other, which the orchestrator's own tests exclude. */
const MAX_ROUNDS = 1_000;

/**
 * Plays one night in which nothing fails. `durationMs` says how long each job takes. Hosts run what is released to them, and
 * it is decided again only when one of them has reached the end of that, or a job that another host waits for.
 */
export function playNight(plan: PlanIndex, durationMs: (host: number, position: number) => number): PlayedNight {
  return new Night(plan, durationMs).play();
}

class Night {
  readonly #plan: PlanIndex;
  readonly #durationMs: (host: number, position: number) => number;
  readonly #decide = createDecider();
  readonly #hosts: HostSnapshot[];
  readonly #waves: WaveTimes[];
  /** By host: until which position its work has been put into the queue, and when that ends. */
  readonly #planned: { position: number; at: number }[];
  readonly #queue: Due[] = [];
  readonly #watched: ReadonlySet<number>[];
  readonly #late = new Map<number, string>();
  #now: number;
  #end: number;
  #over = false;

  constructor(plan: PlanIndex, durationMs: (host: number, position: number) => number) {
    this.#plan = plan;
    this.#durationMs = durationMs;
    this.#now = plan.header.window.start;
    this.#end = this.#now;
    this.#hosts = plan.hosts.map(host => waiting(host, this.#now));
    this.#waves = plan.header.waves.map(() => ({ openedAt: null, endedAt: null }));
    this.#planned = plan.hosts.map(() => ({ position: 0, at: this.#now }));
    this.#watched = watchedPositions(plan);
  }

  play(): PlayedNight {
    this.#decideAll();
    while (!this.#over) {
      const due = pop(this.#queue);
      if (due === undefined) break;
      this.#now = due.at;
      this.#pass(due);
      // All that happens at one moment is decided about at once.
      while (this.#queue[0]?.at === this.#now) this.#pass(pop(this.#queue) as Due);
      this.#decideAll();
    }
    return { end: this.#end, late: this.#late };
  }

  #pass({ host: index, position, at }: Due): void {
    const host = this.#hosts[index];
    if (!host) return;
    const { length } = host.jobs;
    this.#hosts[index] = { ...host, jobs: jobsDone(length, position), endedAt: position === length ? at : null };
    this.#end = Math.max(this.#end, at);
  }

  #decideAll(): void {
    for (let round = 0; round < MAX_ROUNDS && !this.#over; round++) {
      const actions = this.#decide(this.#snapshot(), this.#now);
      if (actions.length === 0) return;
      for (const action of actions) this.#apply(action);
      // What is only released changes nothing that others wait for before it has run.
      if (actions.every(({ action }) => action === 'release')) return;
    }
  }

  #snapshot(): RunSnapshot {
    return {
      run: { id: 'forecast', state: 'running', startedAt: this.#plan.header.window.start },
      plan: this.#plan,
      hosts: this.#hosts,
      waves: this.#waves,
      incidents: NONE,
      deadlines: DEADLINES,
    };
  }

  #apply(action: Action): void {
    switch (action.action) {
      case 'openWave':
        this.#waves[action.wave] = { openedAt: this.#now, endedAt: null };
        return;
      case 'endWave':
        this.#waves[action.wave] = { openedAt: this.#waves[action.wave]?.openedAt ?? null, endedAt: this.#now };
        this.#lookAgainAt(this.#now + (this.#plan.header.waves[action.wave]?.soakMs ?? 0));
        return;
      case 'release':
        this.#release(action.host, action.upTo);
        return;
      case 'cancel':
        this.#giveUp(action.host, action.as, action.reason);
        return;
      case 'endRun':
      case 'stopRun':
      case 'pauseRun':
        this.#over = true;
        return;
      default:
    }
  }

  /** Puts what was released into the queue: each position that another host watches, and the last one. */
  #release(index: number, upTo: number): void {
    const host = this.#hosts[index];
    const planned = this.#planned[index];
    if (!host || !planned) return;
    this.#hosts[index] = { ...host, frontier: upTo, startedAt: host.startedAt ?? this.#now };
    let at = Math.max(planned.at, this.#now);
    for (let position = planned.position; position < upTo; position++) {
      at += this.#durationMs(index, position);
      const done = position + 1;
      if (done === upTo || this.#watched[index]?.has(position)) push(this.#queue, { at, host: index, position: done });
    }
    this.#planned[index] = { position: upTo, at };
  }

  #giveUp(index: number, as: 'cancelled' | 'missed', reason: string): void {
    const host = this.#hosts[index];
    if (!host) return;
    this.#late.set(index, reason);
    this.#hosts[index] = { ...host, jobs: host.jobs.map(job => ({ ...job, state: as, message: reason })) };
  }

  #lookAgainAt(at: number): void {
    push(this.#queue, { at, host: -1, position: 0 });
  }
}

const NONE: ReadonlyMap<string, 'open' | 'resolved'> = new Map();

function waiting({ planned, jobs }: IndexedHost, now: number): HostSnapshot {
  return {
    ...{ frontier: 0, direction: 'forward', refusal: null, held: null, connected: true, factsAsked: null },
    ...{ offeredAt: now, acceptedAt: now, lastSeenAt: now, startedAt: null, turnedAt: null, endedAt: null },
    role: planned.clusterRole === null ? null : { is: planned.clusterRole, observedAt: ALWAYS },
    healthy: { is: true, observedAt: ALWAYS },
    jobs: jobsDone(jobs.length, 0),
    undo: new Map(),
  };
}

const PENDING: JobSnapshot = {
  ...{ state: 'pending', attempt: 0, spent: 0, message: '', startedAt: null, endedAt: null },
};
const DONE: JobSnapshot = { ...PENDING, state: 'succeeded', attempt: 1 };

/** Of so many jobs the first ones done. Hosts share these: they never change. */
const shared = new Map<number, JobSnapshot[][]>();

function jobsDone(length: number, done: number): readonly JobSnapshot[] {
  const known =
    shared.get(length) ??
    Array.from({ length: length + 1 }, (_, count) =>
      Array.from({ length }, (__, position) => (position < count ? DONE : PENDING)),
    );
  shared.set(length, known);
  return known[done] ?? [];
}

/** Positions that hosts elsewhere wait for, by host. */
function watchedPositions(plan: PlanIndex): ReadonlySet<number>[] {
  const watched = plan.hosts.map(() => new Set<number>());
  for (const host of plan.hosts)
    for (const holds of host.holds.values()) for (const hold of holds) watched[hold.host]?.add(hold.position);
  return watched;
}

/** A binary heap by time. */
function push(heap: Due[], due: Due): void {
  let at = heap.push(due) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as Due;
    if (above.at <= due.at) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = due;
}

function pop(heap: Due[]): Due | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return first;
  let at = 0;
  for (let child = 1; child < heap.length; child = 2 * at + 1) {
    const other = heap[child + 1];
    if (other !== undefined && other.at < (heap[child] as Due).at) child++;
    const below = heap[child] as Due;
    if (last.at <= below.at) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = last;
  return first;
}
