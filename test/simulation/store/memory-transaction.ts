import type { RunTransaction, StoredHost, StoredRunHead } from '@tidemark/controller/orchestrator/ports.ts';
import { isActiveState } from '@tidemark/controller/orchestrator/stored-snapshot.ts';
import { present } from '@tidemark/shared/base/assert.ts';
import type { RunHostRow, RunRow, Tables, UndoLog } from './tables.ts';

export const isLive = (tables: Tables, run: RunRow | string): boolean => {
  const row = typeof run === 'string' ? tables.runs.get(run) : run;
  return row !== undefined && isActiveState(row.state);
};

export function headOf(tables: Tables, run: RunRow): StoredRunHead {
  const { waves, hosts: _, ...head } = run;
  const incidents = new Map<string, 'open' | 'resolved'>();
  for (const [key, incident] of tables.incidents) if (incident.run === run.id) incidents.set(key, incident.state);
  return { ...head, waves: new Map(waves), incidents };
}

export function storedHost(tables: Tables, row: RunHostRow): StoredHost {
  const { change: _, ...host } = row;
  const agent = tables.hosts.get(row.hostId);
  const { connected, lastSeenAt } = present(agent, row.hostId).presence;
  return { ...host, connected, lastSeenAt, facts: null };
}

export function factsOf(tables: Tables, hostIds: readonly string[]) {
  const found = new Map<string, NonNullable<StoredHost['facts']>>();
  for (const id of hostIds) {
    const facts = tables.hosts.get(id)?.facts;
    if (facts) found.set(id, facts);
  }
  return found;
}

/** The orchestrator's transaction over {@link Tables}: what it does is seen at once, and taken back as a whole. */
export function memoryTransaction(tables: Tables, undo: UndoLog, now: () => number): RunTransaction {
  const runAt = (id: string): RunRow => present(tables.runs.get(id), id);
  const put = (run: string, hostId: string, change: Partial<RunHostRow>): void => {
    const { hosts } = runAt(run);
    const before = present(hosts.get(hostId), hostId);
    undo.set(hosts, hostId, { ...before, ...change, change: tables.next() });
  };
  const enqueue = (hostId: string, message: { kind: string; payload: unknown }): void => {
    const id = tables.next();
    undo.set(tables.outbox, id, { ...message, id, hostId } as never);
  };

  return {
    lockStarting: async () => {},
    runOfPlan: async plan => [...tables.runs.values()].find(run => run.plan === plan)?.id ?? null,

    busyHosts: async hostIds =>
      [...tables.runs.values()]
        .filter(run => isLive(tables, run))
        .flatMap(run =>
          hostIds.flatMap(id => {
            const host = run.hosts.get(id);
            return host ? [{ host: host.hostName, run: run.id }] : [];
          }),
        )
        .sort((a, b) => (a.host < b.host ? -1 : 1)),

    enrolledHosts: async hostIds => new Set(hostIds.filter(id => tables.hosts.get(id)?.state === 'enrolled')),

    async createRun({ plan, startedBy, startedAt, waves, hosts }) {
      const id = `r${tables.runs.size + 1}`;
      const rows = hosts.map(({ hostId, hostName, orderDigest, jobs }): [string, RunHostRow] => [
        hostId,
        {
          ...{ hostId, hostName, orderDigest, frontier: 0, direction: 'forward', refusal: null, heldBecause: null },
          ...{ offeredAt: null, acceptedAt: null, startedAt: null, turnedAt: null, endedAt: null, factsAsked: null },
          jobs: jobs.map((job, position) => ({
            ...{ position, job, direction: 'forward', state: 'pending', attempt: 0, spent: 0, message: '' },
            ...{ startedAt: null, endedAt: null },
          })),
          change: tables.next(),
        },
      ]);
      for (const { hostId, orderDigest } of hosts) undo.set(tables.orders, orderDigest, { run: id, hostId });
      undo.set(tables.runs, id, {
        ...{ id, plan, state: 'running', reason: '', startedBy, startedAt, endedAt: null },
        waves: new Map(waves.map(wave => [wave, { openedAt: null, endedAt: null }])),
        hosts: new Map(rows),
      });
      undo.set(tables.events, id, []);
      return id;
    },

    async lockRun(id) {
      const run = tables.runs.get(id);
      return run ? headOf(tables, run) : null;
    },

    async changedHosts(run, since) {
      const changed = [...runAt(run).hosts.values()].filter(host => host.change > since);
      return {
        hosts: changed.map(host => storedHost(tables, host)),
        upTo: changed.reduce((highest, { change }) => Math.max(highest, change), since),
      };
    },

    presence: async run => tables.presenceIn(runAt(run)),

    factsOf: async hostIds => factsOf(tables, hostIds),

    async holdsLease(name, holder, epoch) {
      const lease = tables.leases.get(name);
      return lease?.holder === holder && lease.epoch === epoch && lease.expiresAt > now();
    },

    async setRun(run, { state, reason, endedAt }) {
      undo.change(runAt(run), { state, reason, endedAt });
    },

    async setWave(run, wave, change) {
      const { waves } = runAt(run);
      undo.set(waves, wave, { ...present(waves.get(wave), `wave ${wave}`), ...change });
    },

    setHost: async (run, hostId, change) => put(run, hostId, change),

    async moveJobs(run, hostId, { from, to, below, message, endedAt }) {
      const host = present(runAt(run).hosts.get(hostId), hostId);
      const moved: number[] = [];
      const jobs = host.jobs.map(job => {
        if (job.direction !== 'forward' || !from.includes(job.state)) return job;
        if (below !== null && job.position >= below) return job;
        moved.push(job.position);
        return { ...job, state: to, message, endedAt };
      });
      if (moved.length > 0) put(run, hostId, { jobs });
      return moved;
    },

    async putJob(run, hostId, { facts: _, output: __, ...told }) {
      const { jobs } = present(runAt(run).hosts.get(hostId), hostId);
      const isThis = (job: (typeof jobs)[number]) => job.position === told.position && job.direction === told.direction;
      const next = jobs.some(isThis) ? jobs.map(job => (isThis(job) ? { ...job, ...told } : job)) : [...jobs, told];
      put(run, hostId, { jobs: next.toSorted((a, b) => a.position - b.position) });
    },

    async addEvents(run, events) {
      const list = present(tables.events.get(run), run);
      undo.append(
        list,
        events.map(event => ({ ...event, run, id: tables.next() })),
      );
    },

    async openIncident({ at, ...incident }) {
      if (tables.incidents.has(incident.key)) return false;
      undo.set(tables.incidents, incident.key, { ...incident, openedAt: at, state: 'open' });
      return true;
    },

    async resolveIncident(key) {
      const incident = tables.incidents.get(key);
      if (incident?.state === 'open') undo.set(tables.incidents, key, { ...incident, state: 'resolved' });
    },

    async resolveIncidents(prefix) {
      for (const [key, incident] of tables.incidents)
        if (incident.state === 'open' && key.startsWith(prefix))
          undo.set(tables.incidents, key, { ...incident, state: 'resolved' });
    },

    async releaseHeld(run, because) {
      const held = [...runAt(run).hosts.values()].filter(host => host.heldBecause === because);
      for (const { hostId } of held) put(run, hostId, { heldBecause: null });
      return held.map(({ hostId }) => hostId);
    },

    async addAmendment({ digest, run, hostId, approver, reason, envelope }) {
      if (tables.amendments.has(digest)) return false;
      undo.set(tables.amendments, digest, { run, hostId, approver, reason, envelope, state: 'sent' });
      return true;
    },

    async answerAmendment(digest, { state }) {
      const known = tables.amendments.get(digest);
      if (!known) return 'unknown';
      if (known.state !== 'sent') return 'answered';
      undo.set(tables.amendments, digest, { ...known, state });
      return { approver: known.approver, reason: known.reason };
    },

    unansweredAmendments: async (run, hostId) =>
      [...tables.amendments].flatMap(([digest, row]) =>
        row.run === run && row.hostId === hostId && row.state === 'sent' ? [digest] : [],
      ),

    send: async (hostId, message) => enqueue(hostId, message),

    async askForFacts(run, hostId, { since, at }) {
      put(run, hostId, { factsAsked: { first: since, last: at } });
      const request = `request-${tables.next()}`;
      undo.set(tables.requests, request, { hostId, answered: false });
      enqueue(hostId, { kind: 'observe-facts', payload: { request } });
    },

    async offerOrders(run, plan, hostIds, at) {
      for (const hostId of hostIds) {
        put(run, hostId, { offeredAt: at });
        enqueue(hostId, { kind: 'order-offer', payload: { plan, hostId } });
      }
    },

    async audit() {
      undo.change(tables, { auditEntries: tables.auditEntries + 1 });
    },

    /** A night is planned once, from what its landscape says. */
    learn: async () => {},

    lockReports: async hostId => tables.hosts.get(hostId)?.acknowledged ?? null,

    async setReported(hostId, sequence) {
      undo.change(present(tables.hosts.get(hostId), hostId), { acknowledged: sequence });
    },

    async orderOf(hostId, orderDigest) {
      const order = tables.orders.get(orderDigest);
      if (order?.hostId !== hostId) return null;
      const { id, plan } = runAt(order.run);
      return { run: id, plan, active: isLive(tables, id) };
    },

    async hostOf(run, hostId) {
      const row = tables.runs.get(run)?.hosts.get(hostId);
      return row ? storedHost(tables, row) : null;
    },

    activeOrders: async hostId =>
      [...tables.runs.values()]
        .filter(run => isLive(tables, run))
        .flatMap(run => {
          const host = run.hosts.get(hostId);
          return host ? [{ run: run.id, plan: run.plan, orderDigest: host.orderDigest }] : [];
        }),

    async answerFacts(hostId, request) {
      const asked = tables.requests.get(request);
      if (asked?.hostId === hostId) undo.set(tables.requests, request, { hostId, answered: true });
    },
  };
}
