import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { dueForLook } from '../inventory/rounds.ts';
import type { ToAgent } from '../link/messages.ts';
import { every, type Loop, type LoopLog } from './every.ts';

const TICK_MS = 10_000;

export interface RoundDependencies {
  sessions: { connected(): string[]; send(hostId: string, message: ToAgent): boolean };
  inventory: { looks(): Promise<Map<string, { root: Digest; observedAt: number }>> };
  clock: Clock;
  log: LoopLog;
}

/** Asks agents for what they find, each once in a round; those that have just connected say it by themselves. */
export function inventoryRoundsLoop({ sessions, inventory, clock, log }: RoundDependencies): Loop {
  let asked = new Map<string, number>();
  const round = async () => {
    const connected = sessions.connected();
    if (connected.length === 0) return;
    const now = clock.now();
    const observed = await inventory.looks();
    const there = new Set(connected);
    asked = new Map([...asked].filter(([hostId]) => there.has(hostId)));
    for (const hostId of dueForLook({ connected, observed, asked, now, tickMs: TICK_MS })) {
      const known = observed.get(hostId)?.root ?? null;
      if (sessions.send(hostId, { type: 'observe-facts', request: '', known })) asked.set(hostId, now);
    }
  };
  return every(TICK_MS, round, { name: 'inventory rounds', log });
}
