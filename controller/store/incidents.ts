import { and, desc, eq, sql } from 'drizzle-orm';
import type { Incident, IncidentStore, NewIncident } from '../incidents/ports.ts';
import * as audit from './audit.ts';
import { hosts, incidents } from './schema.ts';
import type { Queries, Store, Tx } from './store.ts';

export function createIncidentStore(store: Store): IncidentStore {
  return {
    open: incident => store.transaction(tx => openIncident(tx, incident)),
    list: ({ state }) => select(store.db, state === 'all' ? undefined : eq(incidents.state, state)),
    get: async id => (await select(store.db, eq(incidents.id, id)))[0] ?? null,
    resolve: (id, { by, reason, at }) =>
      store.transaction(async tx => {
        const [row] = await tx
          .update(incidents)
          .set({ state: 'resolved', resolvedAt: new Date(at) })
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
    .where(and(sql`starts_with(${incidents.key}, ${prefix})`, eq(incidents.state, 'open')));
}

async function select(db: Queries, where: ReturnType<typeof eq> | undefined): Promise<Incident[]> {
  const rows = await db
    .select({ incident: incidents, host: hosts.name })
    .from(incidents)
    .leftJoin(hosts, eq(hosts.id, incidents.hostId))
    .where(where)
    .orderBy(desc(incidents.id));
  return rows.map(({ incident: { createdAt, resolvedAt, hostId: _, ...rest }, host }) => ({
    ...rest,
    host,
    openedAt: createdAt.getTime(),
    resolvedAt: resolvedAt?.getTime() ?? null,
  }));
}
