import { isDeepStrictEqual } from 'node:util';
import { present } from '@tidemark/shared/base/assert.ts';
import { createDecider } from './decide.ts';
import type { PlanIndex } from './plan-index.ts';
import type { IsTrue, Presence, RunTransaction, StoredHost, StoredRun, StoredRunHead } from './ports.ts';
import { type Reminder, remindersOf, type Unanswered } from './reminding.ts';
import type { Deadlines, HostSnapshot, RunSnapshot } from './snapshot.ts';
import { hostSnapshot, runSnapshot } from './stored-snapshot.ts';

/**
 * A run's hosts and jobs as they are committed, kept from tick to tick by whoever holds the run's lease. Nothing is ever
 * written into it but what was read from the store: who decides writes there, and reads it back. So it can be thrown away
 * at any moment, and is, whenever the lease was taken anew or a transaction did not commit.
 */
export class RunMemory {
  readonly #plan: PlanIndex;
  readonly #isTrue: IsTrue;
  readonly decide = createDecider();
  #hosts = new Map<string, StoredHost>();
  #snapshots: HostSnapshot[] = [];
  #presence: ReadonlyMap<string, Presence> | null = null;
  #unanswered: Unanswered = new Map();
  #upTo = 0;

  constructor(plan: PlanIndex, isTrue: IsTrue) {
    this.#plan = plan;
    this.#isTrue = isTrue;
  }

  /** Reads what has changed; the caller's transaction has locked the run. */
  async refresh(transaction: RunTransaction, run: string): Promise<void> {
    const { hosts, upTo } = await transaction.changedHosts(run, this.#upTo);
    for (const host of hosts) {
      // Facts and presence are kept beside it and come by a way of their own.
      const known = this.#hosts.get(host.hostId);
      this.#put(known ? { ...host, facts: known.facts } : host);
    }
    this.#upTo = upTo;
  }

  /** Reads who is there. Changes with every heartbeat, and silence is a matter of minutes: once a tick is enough. */
  async refreshPresence(transaction: RunTransaction, run: string): Promise<void> {
    const presence = await transaction.presence(run);
    // A store that gives the very same again says that nothing has changed, of all of them or of one.
    const before = this.#presence;
    if (presence === before) return;
    this.#presence = presence;
    const stale: string[] = [];
    for (const { planned } of this.#plan.hosts) {
      const now = presence.get(planned.id);
      if (!now || now === before?.get(planned.id)) continue;
      const host = this.#hosts.get(planned.id);
      if (!host) continue;
      if (planned.cluster !== null && (host.facts?.observedAt ?? null) !== now.factsObservedAt) stale.push(planned.id);
      if (host.connected === now.connected && host.lastSeenAt === now.lastSeenAt) continue;
      this.#put({ ...host, ...presenceOf(now) });
    }
    const told = stale.length > 0 ? await transaction.factsOf(stale) : new Map();
    for (const [id, facts] of told) this.#put({ ...present(this.#hosts.get(id), id), facts });
  }

  /** With what was read of the run as a whole. */
  stored(head: StoredRunHead): StoredRun {
    return { ...head, hosts: this.#hosts };
  }

  snapshot(head: StoredRunHead, deadlines: Deadlines): RunSnapshot {
    return runSnapshot(head, this.#plan, this.#snapshots, deadlines);
  }

  /** Of a member of a cluster, as the last decision saw them; null where they are not known here. */
  factsOf(hostId: string): StoredHost['facts'] {
    return this.#hosts.get(hostId)?.facts ?? null;
  }

  /** Whom to ask again what it was asked before; the same one once in a while. */
  reminders(snapshot: RunSnapshot, now: number): Reminder[] {
    const { reminders, unanswered } = remindersOf(snapshot, this.#unanswered, now);
    this.#unanswered = unanswered;
    return reminders;
  }

  /** Names of hosts of which something else is stored than what is known here; beside presence and facts. */
  async differences(transaction: RunTransaction, run: string): Promise<string[]> {
    const { hosts } = await transaction.changedHosts(run, 0);
    return hosts.filter(host => !isSame(host, this.#hosts.get(host.hostId))).map(host => host.hostName);
  }

  #put(host: StoredHost): void {
    const index = present(this.#plan.byId.get(host.hostId), host.hostName);
    this.#hosts.set(host.hostId, host);
    this.#snapshots[index] = hostSnapshot(
      host,
      present(this.#plan.hosts[index], host.hostName),
      this.#plan,
      this.#isTrue,
    );
  }
}

const presenceOf = ({ connected, lastSeenAt }: Presence) => ({ connected, lastSeenAt });

function isSame(stored: StoredHost, known: StoredHost | undefined): boolean {
  if (!known) return false;
  const { connected, lastSeenAt, facts } = known;
  return isDeepStrictEqual({ ...stored, connected, lastSeenAt, facts }, known);
}
