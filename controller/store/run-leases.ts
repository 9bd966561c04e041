import type { Leases } from '../orchestrator/ports.ts';
import * as leases from './leases.ts';
import type { Store } from './store.ts';

/** Keeps a lease with its epoch for as long as it is this process's, and takes it anew when it was lost. */
export function createRunLeases({ db }: Store): Leases {
  const held = new Map<string, leases.Lease>();
  return {
    async take(name, holder, ttlMs) {
      const mine = held.get(name);
      if (mine?.holder === holder && (await leases.renew(db, mine, ttlMs))) return mine.epoch;
      held.delete(name);
      const taken = await leases.take(db, { name, holder, ttlMs });
      if (taken) held.set(name, taken);
      return taken?.epoch ?? null;
    },
  };
}
