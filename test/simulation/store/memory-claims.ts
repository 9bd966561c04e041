import type { LimitClaims } from '@tidemark/controller/orchestrator/ports.ts';
import type { Tables, UndoLog } from './tables.ts';

/** Who is out of service by limits that hold over all runs. */
export function memoryClaims(tables: Tables, undo: UndoLog, now: () => number): LimitClaims {
  return {
    elsewhere: async (run, keys) =>
      [...tables.claims.values()]
        .filter(claim => claim.run !== run && keys.includes(claim.key) && claim.expiresAt > now())
        .map(({ key, hostId, hostName, run: other }) => ({ key, hostId, host: hostName, run: other })),

    async hold(run, _epoch, wanted, ttlMs) {
      for (const [id, claim] of tables.claims) if (claim.run === run) undo.remove(tables.claims, id);
      for (const claim of wanted)
        undo.set(tables.claims, `${claim.key}\0${claim.hostId}`, { ...claim, run, expiresAt: now() + ttlMs });
    },
  };
}
