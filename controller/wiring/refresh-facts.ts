import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { InventoryService } from '../inventory/service.ts';
import type { Sessions } from '../link/ports.ts';

/** Probes have ten seconds each; a plan does not wait for the slowest of a fleet: what it knows of that one is older. */
const QUIET_MS = 5_000;
/** While answers keep coming they are waited for, below the 30 s after which clients and proxies give a request up. */
const WAIT_MS = 20_000;
const LOOK_MS = 100;

interface Asked {
  sessions: Pick<Sessions, 'connected' | 'send'>;
  inventory: Pick<InventoryService, 'observed'>;
  clock: Clock;
  pause?: (ms: number) => Promise<void>;
}

/** Asks every connected agent for its facts and waits until all have answered, or none does for a moment. */
export async function refreshFacts({ sessions, inventory, clock, pause = ms => delay(ms) }: Asked): Promise<void> {
  const asked = clock.now();
  let waiting = sessions.connected().filter(hostId => sessions.send(hostId, { type: 'observe-facts', request: '' }));
  const end = clock.monotonic() + WAIT_MS;
  let heard = clock.monotonic();
  while (waiting.length > 0 && clock.monotonic() < Math.min(end, heard + QUIET_MS)) {
    const observed = await inventory.observed();
    const left = waiting.filter(hostId => (observed.get(hostId) ?? 0) < asked);
    if (left.length < waiting.length) heard = clock.monotonic();
    waiting = left;
    if (waiting.length > 0) await pause(LOOK_MS);
  }
}
