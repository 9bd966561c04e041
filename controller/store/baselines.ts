import { eq } from 'drizzle-orm';
import type { BaselineStore } from '../verification/ports.ts';
import * as audit from './audit.ts';
import { baselines, fingerprints, hosts } from './schema.ts';
import type { Store } from './store.ts';

/** Fingerprints that are kept as references. */
export function createBaselineStore({ db, transaction }: Pick<Store, 'db' | 'transaction'>): BaselineStore {
  const selected = () =>
    db
      .select({ baseline: baselines, host: hosts.name })
      .from(baselines)
      .innerJoin(fingerprints, eq(fingerprints.id, baselines.fingerprint))
      .innerJoin(hosts, eq(hosts.id, fingerprints.hostId));
  const record = ({ baseline, host }: Awaited<ReturnType<typeof selected>>[number]) => ({
    ...baseline,
    host,
    createdAt: baseline.createdAt.getTime(),
  });
  return {
    baseline: async name => {
      const [row] = await selected().where(eq(baselines.name, name));
      return row ? record(row) : null;
    },

    baselines: async () => (await selected().orderBy(baselines.name)).map(record),

    addBaseline: baseline =>
      transaction(async tx => {
        const added = await tx.insert(baselines).values(baseline).onConflictDoNothing().returning();
        if (added.length === 0) return false;
        const { name, fingerprint, createdBy } = baseline;
        const entry = { actor: createdBy, action: 'baseline.created', subject: `baseline ${name}` };
        await audit.append(tx, { ...entry, detail: { fingerprint } });
        return true;
      }),

    removeBaseline: (name, by) =>
      transaction(async tx => {
        const [row] = await tx.delete(baselines).where(eq(baselines.name, name)).returning();
        if (!row) return false;
        const entry = { actor: by, action: 'baseline.removed', subject: `baseline ${name}` };
        await audit.append(tx, { ...entry, detail: { fingerprint: row.fingerprint } });
        return true;
      }),
  };
}
