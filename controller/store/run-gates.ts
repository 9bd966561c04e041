import { and, eq, ne } from 'drizzle-orm';
import type { GateStore } from '../orchestrator/gate-watch.ts';
import * as audit from './audit.ts';
import { approvals, runEvents, runGates } from './schema.ts';
import type { Store } from './store.ts';

/** What gates of waves have shown, and what people signed for them. */
export function createGateStore(store: Store): GateStore {
  return {
    async read(run) {
      const rows = await store.db.select().from(runGates).where(eq(runGates.run, run));
      return rows.map(({ wave, gate, state, detail, since, checkedAt }) => ({
        ...{ wave, gate, state, detail },
        since: since.getTime(),
        checkedAt: checkedAt.getTime(),
      }));
    },

    set: (run, wave, gate, { state, detail, since, checkedAt }, by) =>
      store.transaction(async tx => {
        const row = { state, detail, since: new Date(since), checkedAt: new Date(checkedAt) };
        await tx
          .insert(runGates)
          .values({ run, wave, gate, ...row })
          .onConflictDoUpdate({ target: [runGates.run, runGates.wave, runGates.gate], set: row });
        if (by === null) return;
        await tx.insert(runEvents).values({ run, at: new Date(checkedAt), event: 'gate-signalled', message: by.what });
        const told = { wave, gate, state, detail };
        await audit.append(tx, { actor: by.name, action: 'run.gate', subject: run, detail: told });
      }),

    async forget(run) {
      await store.db.delete(runGates).where(and(eq(runGates.run, run), ne(runGates.state, 'passed')));
    },

    addApproval: ({ run, plan, gate, approvers, envelope, at, by }) =>
      store.transaction(async tx => {
        const createdAt = new Date(at);
        for (const approver of approvers) {
          await tx
            .insert(approvals)
            .values({ plan, gate, approver, envelope, createdAt })
            .onConflictDoUpdate({
              target: [approvals.plan, approvals.gate, approvals.approver],
              set: { envelope, createdAt },
            });
        }
        const message = `${gate} by ${approvers.join(', ')}`;
        await tx.insert(runEvents).values({ run, at: createdAt, event: 'gate-approved', message });
        const detail = { plan, gate, handedInBy: by };
        await audit.append(tx, { actor: approvers.join(', '), action: 'wave.approved', subject: run, detail });
      }),
  };
}
