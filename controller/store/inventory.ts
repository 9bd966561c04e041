import { eq, sql } from 'drizzle-orm';
import type { HostFacts } from '../inventory/facts.ts';
import type { InventoryStore } from '../inventory/ports.ts';
import { facts, hosts } from './schema.ts';
import type { Store } from './store.ts';

/** Keeps the latest facts of each host. */
export function inventoryStore({ db }: Store): InventoryStore {
  return {
    put: async (hostId, { facts: found, observedAt }) => {
      const at = new Date(observedAt);
      const known = await db.select({ id: hosts.id }).from(hosts).where(sql`${hosts.id} = ${hostId}`);
      if (known.length === 0) return false;
      await db
        .insert(facts)
        .values({ hostId, facts: found, observedAt: at })
        .onConflictDoUpdate({
          target: facts.hostId,
          set: { facts: sql`excluded.facts`, observedAt: sql`excluded.observed_at` },
        });
      return true;
    },
    observed: async () => {
      const rows = await db.select({ hostId: facts.hostId, observedAt: facts.observedAt }).from(facts);
      return new Map(rows.map(row => [row.hostId, row.observedAt.getTime()]));
    },
    all: async () => {
      const rows = await db.select().from(facts);
      return new Map(rows.map(row => [row.hostId, factsOf(row)]));
    },
    of: async hostId => {
      const [row] = await db.select().from(facts).where(eq(facts.hostId, hostId));
      return row ? factsOf(row) : null;
    },
  };
}

const factsOf = (row: typeof facts.$inferSelect): HostFacts => ({
  // Written by `put` above and by nothing else.
  facts: row.facts as Record<string, unknown>,
  observedAt: row.observedAt.getTime(),
});
