import { and, asc, eq, lte } from 'drizzle-orm';
import type { SourceStore, StoredSource, SuggestionStore } from '../landscape/ports.ts';
import { append } from './audit.ts';
import { landscapeDecisions, landscapeSources } from './schema.ts';
import type { Store } from './store.ts';

/** Where the landscape is read from, and when. What is due is claimed by one controller, whoever comes first. */
export function createSourceStore({ db, transaction }: Pick<Store, 'db' | 'transaction'>): SourceStore {
  return {
    sources: async () => (await db.select().from(landscapeSources).orderBy(asc(landscapeSources.name))).map(sourceOf),
    source: async name => {
      const [row] = await db.select().from(landscapeSources).where(eq(landscapeSources.name, name));
      return row ? sourceOf(row) : null;
    },
    put: ({ name, text, createdBy, createdAt, nextDueAt }) =>
      transaction(async tx => {
        const said = {
          text,
          createdBy,
          createdAt: new Date(createdAt),
          nextDueAt: nextDueAt === null ? null : new Date(nextDueAt),
        };
        await tx
          .insert(landscapeSources)
          .values({ name, ...said })
          .onConflictDoUpdate({ target: landscapeSources.name, set: said });
        await append(tx, {
          actor: createdBy,
          action: 'landscape.source-set',
          subject: `landscape source ${name}`,
          detail: { text },
        });
      }),
    remove: (name, by) =>
      transaction(async tx => {
        const removed = await tx.delete(landscapeSources).where(eq(landscapeSources.name, name)).returning();
        if (removed.length === 0) return false;
        await append(tx, { actor: by, action: 'landscape.source-removed', subject: `landscape source ${name}` });
        return true;
      }),
    due: async now => {
      const rows = await db
        .select()
        .from(landscapeSources)
        .where(lte(landscapeSources.nextDueAt, new Date(now)))
        .orderBy(asc(landscapeSources.nextDueAt));
      return rows.map(sourceOf);
    },
    claim: async (name, dueAt, nextDueAt) => {
      const claimed = await db
        .update(landscapeSources)
        .set({ nextDueAt: nextDueAt === null ? null : new Date(nextDueAt) })
        .where(and(eq(landscapeSources.name, name), eq(landscapeSources.nextDueAt, new Date(dueAt))))
        .returning({ name: landscapeSources.name });
      return claimed.length > 0;
    },
    attempted: async (name, { at, problem }) => {
      const moment = new Date(at);
      await db
        .update(landscapeSources)
        .set({ attemptedAt: moment, problem, ...(problem === null ? { goodAt: moment } : {}) })
        .where(eq(landscapeSources.name, name));
    },
  };
}

const msOf = (at: Date | null): number | null => at?.getTime() ?? null;

const sourceOf = (row: typeof landscapeSources.$inferSelect): StoredSource => ({
  ...row,
  createdAt: row.createdAt.getTime(),
  nextDueAt: msOf(row.nextDueAt),
  attemptedAt: msOf(row.attemptedAt),
  goodAt: msOf(row.goodAt),
});

/** What people said of suggestions. The last word counts. */
export function createSuggestionStore({ db, transaction }: Pick<Store, 'db' | 'transaction'>): SuggestionStore {
  return {
    decisions: async () => (await db.select().from(landscapeDecisions)).map(row => ({ ...row, at: row.at.getTime() })),
    decide: ({ at, ...decision }) =>
      transaction(async tx => {
        const row = { ...decision, at: new Date(at) };
        await tx.insert(landscapeDecisions).values(row).onConflictDoUpdate({ target: landscapeDecisions.id, set: row });
        const { id: _, by, decision: what, ...detail } = decision;
        await append(tx, {
          actor: by,
          action: `landscape.suggestion-${what}`,
          subject: `${detail.from} -> ${detail.to}`,
          detail,
        });
      }),
  };
}
