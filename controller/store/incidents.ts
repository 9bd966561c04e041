import { and, asc, desc, eq, sql } from 'drizzle-orm';
import type { Incident, IncidentStore, NewIncident } from '../incidents/ports.ts';
import * as audit from './audit.ts';
import { hosts, incidentComments, incidents } from './schema.ts';
import type { Queries, Store, Tx } from './store.ts';

export function createIncidentStore(store: Store): IncidentStore {
  return {
    open: incident => store.transaction(tx => openIncident(tx, incident)),
    list: ({ state }) => select(store.db, state === 'all' ? undefined : eq(incidents.state, state)),
    withKey: prefix =>
      store.db
        .select({ id: incidents.id, key: incidents.key, state: incidents.state })
        .from(incidents)
        .where(startsWith(prefix)),
    get: async id => (await select(store.db, eq(incidents.id, id)))[0] ?? null,
    async comments(id) {
      const rows = await store.db
        .select()
        .from(incidentComments)
        .where(eq(incidentComments.incident, id))
        .orderBy(asc(incidentComments.id));
      return rows.map(({ at, by, text }) => ({ at: at.getTime(), by, text }));
    },
    async alikeHosts(id) {
      const rows = await store.db.execute<{ name: string }>(sql`
        select distinct h.name from incidents mine
        join incidents other on other.run = mine.run and other.cause = mine.cause and other.id <> mine.id
        join hosts h on h.id = other.host_id where mine.id = ${id} order by h.name`);
      return rows.map(({ name }) => name);
    },
    take: (id, { by, at }) =>
      store.transaction(async tx => {
        const [row] = await tx
          .update(incidents)
          .set({ takenBy: by, takenAt: new Date(at) })
          .where(and(eq(incidents.id, id), eq(incidents.state, 'open')))
          .returning({ title: incidents.title });
        if (!row) return false;
        await audit.append(tx, { actor: by, action: 'incident.taken', subject: `incident ${id}`, detail: row });
        return true;
      }),
    comment: (id, { at, by, text }) =>
      store.transaction(async tx => {
        await tx.insert(incidentComments).values({ incident: id, at: new Date(at), by, text });
        await audit.append(tx, { actor: by, action: 'incident.comment', subject: `incident ${id}`, detail: { text } });
      }),
    resolve: (id, { by, reason, at }) =>
      store.transaction(async tx => {
        const [row] = await tx
          .update(incidents)
          .set({ state: 'resolved', resolvedAt: new Date(at), resolvedBy: by, resolution: reason })
          .where(and(eq(incidents.id, id), eq(incidents.state, 'open')))
          .returning({ title: incidents.title, run: incidents.run });
        if (!row) return false;
        const detail = { title: row.title, run: row.run, reason };
        await audit.append(tx, { actor: by, action: 'incident.resolved', subject: `incident ${id}`, detail });
        return true;
      }),
  };
}

/** Within a transaction that does more. Whether there was none under this key. */
export async function openIncident(tx: Tx, { at, ...incident }: NewIncident & { at: number }): Promise<boolean> {
  const opened = await tx
    .insert(incidents)
    .values({ ...incident, createdAt: new Date(at) })
    .onConflictDoNothing({ target: incidents.key })
    .returning({ id: incidents.id });
  return opened.length > 0;
}

export async function resolveIncident(tx: Tx, key: string, at: number): Promise<void> {
  await tx
    .update(incidents)
    .set({ state: 'resolved', resolvedAt: new Date(at) })
    .where(and(eq(incidents.key, key), eq(incidents.state, 'open')));
}

/** All that are open and whose key begins so. */
export async function resolveIncidents(tx: Tx, prefix: string, at: number): Promise<void> {
  await tx
    .update(incidents)
    .set({ state: 'resolved', resolvedAt: new Date(at) })
    .where(and(startsWith(prefix), eq(incidents.state, 'open')));
}

/** Not LIKE: names of hosts may hold what is a pattern there. */
const startsWith = (prefix: string) => sql`starts_with(${incidents.key}, ${prefix})`;

const ALIKE = sql<number>`(
  select count(*)::int from incidents other
  where other.run = ${incidents.run} and other.cause = ${incidents.cause} and other.id <> ${incidents.id})`;

async function select(db: Queries, where: ReturnType<typeof eq> | undefined): Promise<Incident[]> {
  const rows = await db
    .select({ incident: incidents, host: hosts.name, alike: ALIKE })
    .from(incidents)
    .leftJoin(hosts, eq(hosts.id, incidents.hostId))
    .where(where)
    .orderBy(desc(incidents.id));
  return rows.map(
    ({ incident: { createdAt, resolvedAt, hostId: _, takenAt: __, cause: ___, ...rest }, host, alike }) => ({
      ...rest,
      host,
      alike: Number(alike),
      openedAt: createdAt.getTime(),
      resolvedAt: resolvedAt?.getTime() ?? null,
    }),
  );
}
