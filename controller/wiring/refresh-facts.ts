import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { InventoryService } from '../inventory/service.ts';
import type { Sessions } from '../link/ports.ts';

/** Probes have ten seconds each; a plan does not wait for the slowest of a fleet, it says whose facts are old. */
const WAIT_MS = 5_000;
const LOOK_MS = 50;

/** Asks every connected agent for its facts and waits until all have answered, or for a moment. */
export async function refreshFacts({
  sessions,
  inventory,
  clock,
}: {
  sessions: Sessions;
  inventory: InventoryService;
  clock: Clock;
}): Promise<void> {
  const asked = clock.now();
  const waiting = sessions.connected().filter(hostId => sessions.send(hostId, { type: 'observe-facts', request: '' }));
  const end = clock.monotonic() + WAIT_MS;
  while (waiting.length > 0 && clock.monotonic() < end) {
    const latest = await inventory.latest();
    if (waiting.every(hostId => (latest.get(hostId)?.observedAt ?? 0) >= asked)) return;
    await delay(LOOK_MS);
  }
}
