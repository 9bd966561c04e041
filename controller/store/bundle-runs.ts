import { and, asc, eq, gte, inArray, sql } from 'drizzle-orm';
import { incidents, plans, runs } from './schema.ts';
import type { Store } from './store.ts';

/** Which runs brought a bundle, and what of them waits for a person. */
export const createBundleRuns = ({ db }: Pick<Store, 'db'>) => ({
  async runsOf(bundle: string, sinceMs: number): Promise<string[]> {
    const rows = await db
      .select({ id: runs.id })
      .from(runs)
      .innerJoin(plans, eq(plans.digest, runs.plan))
      .where(
        and(gte(runs.startedAt, new Date(sinceMs)), sql`${plans.header}::jsonb -> 'bundle' ->> 'name' = ${bundle}`),
      )
      .orderBy(asc(runs.number));
    return rows.map(({ id }) => id);
  },

  async openIncidents(ofRuns: readonly string[]): Promise<string[]> {
    if (ofRuns.length === 0) return [];
    const rows = await db
      .select({ title: incidents.title })
      .from(incidents)
      .where(and(inArray(incidents.run, [...ofRuns]), eq(incidents.state, 'open')))
      .orderBy(asc(incidents.id));
    return rows.map(({ title }) => title);
  },
});
