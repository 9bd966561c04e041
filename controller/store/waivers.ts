import { and, desc, eq, gt, isNull } from 'drizzle-orm';
import type { DriftClass } from '../verification/differences.ts';
import type { WaiverStore } from '../verification/ports.ts';
import * as audit from './audit.ts';
import { waivers } from './schema.ts';
import type { Store } from './store.ts';

/** Differences that somebody answers for. None is ever deleted: who answered for what stays known. */
export function createWaiverStore({ db, transaction }: Pick<Store, 'db' | 'transaction'>): WaiverStore {
  return {
    waivers: async () => {
      const rows = await db.select().from(waivers).orderBy(desc(waivers.createdAt), waivers.id);
      return rows.map(row => ({
        ...row,
        class: row.class as DriftClass | null,
        createdAt: row.createdAt.getTime(),
        expiresAt: row.expiresAt.getTime(),
        endedAt: row.endedAt?.getTime() ?? null,
      }));
    },

    addWaiver: waiver =>
      transaction(async tx => {
        const { createdAt, expiresAt, endedAt: _, ...rest } = waiver;
        await tx.insert(waivers).values({ ...rest, createdAt: new Date(createdAt), expiresAt: new Date(expiresAt) });
        const { id, createdBy, host, cluster, product, path, reason } = waiver;
        const detail = { host, cluster, product, class: waiver.class, path, reason, expiresAt };
        await audit.append(tx, { actor: createdBy, action: 'waiver.created', subject: `waiver ${id}`, detail });
      }),

    endWaiver: (id, by, at) =>
      transaction(async tx => {
        const ended = await tx
          .update(waivers)
          .set({ endedAt: new Date(at) })
          .where(and(eq(waivers.id, id), isNull(waivers.endedAt), gt(waivers.expiresAt, new Date(at))))
          .returning({ path: waivers.path });
        const [row] = ended;
        if (!row) return false;
        const detail = { path: row.path };
        await audit.append(tx, { actor: by, action: 'waiver.ended', subject: `waiver ${id}`, detail });
        return true;
      }),
  };
}
