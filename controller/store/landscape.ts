import { desc, sql } from 'drizzle-orm';
import type { Landscape, LandscapeContent } from '../landscape/landscape.ts';
import type { LandscapeStore } from '../landscape/ports.ts';
import { append } from './audit.ts';
import { landscapes } from './schema.ts';
import type { Queries, Store } from './store.ts';

/** Keeps every version of the landscape: plans name the one that they were compiled from. */
export function landscapeStore(store: Store): LandscapeStore {
  return {
    current: () => latest(store.db),
    transaction: work =>
      store.transaction(tx =>
        work({
          currentLocked: async () => {
            // Readers go on; a second import waits and then sees this one.
            await tx.execute(sql`lock table ${landscapes} in share row exclusive mode`);
            return latest(tx);
          },
          add: async ({ version, digest, importedBy, importedAt, ...content }) => {
            const document: LandscapeContent = content;
            await tx
              .insert(landscapes)
              .values({ version, digest, document, importedBy, createdAt: new Date(importedAt) });
          },
          audit: async entry => {
            await append(tx, entry);
          },
        }),
      ),
  };
}

async function latest(db: Queries): Promise<Landscape | null> {
  const [row] = await db.select().from(landscapes).orderBy(desc(landscapes.version)).limit(1);
  if (!row) return null;
  const { version, digest, importedBy, createdAt } = row;
  // Written by `add` above and by nothing else.
  const content = row.document as LandscapeContent;
  return { ...content, version, digest, importedBy, importedAt: createdAt.getTime() };
}
