import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { InventoryService } from '../inventory/service.ts';
import type { Sessions } from '../link/ports.ts';

/**
 * A plan does not wait for the slowest of a fleet: what it knows of that one is older. A look takes some seconds of processor after
 * packages were changed, and five of them passed on a server that had just begun many other things.
 */
const QUIET_MS = 10_000;
/** While answers keep coming they are waited for, below the 30 s after which clients and proxies give a request up. */
const WAIT_MS = 20_000;
const LOOK_MS = 100;
/**
 * So many are asked at the same time: virtual servers share processors and memory, and 200 that collect their facts in the
 * same second brought a machine of 24 GiB to its knees. Servers answer within a second as a rule.
 */
const ASKED_AT_ONCE = 64;

interface Asked {
  sessions: Pick<Sessions, 'connected' | 'send'>;
  inventory: Pick<InventoryService, 'looks'>;
  clock: Clock;
  pause?: (ms: number) => Promise<void>;
}

/**
 * Asks every connected agent for its facts, those that are known for longest first, and waits until all have answered, or
 * none does for a moment.
 */
export async function refreshFacts({ sessions, inventory, clock, pause = ms => delay(ms) }: Asked): Promise<void> {
  const begun = clock.now();
  const known = await inventory.looks();
  const since = (hostId: string) => known.get(hostId)?.observedAt ?? 0;
  const queue = sessions.connected().toSorted((a, b) => since(a) - since(b));
  /** Who has been asked, and when. */
  let asked = new Map<string, number>();
  const end = clock.monotonic() + WAIT_MS;
  let heard = clock.monotonic();
  while (clock.monotonic() < Math.min(end, heard + QUIET_MS)) {
    const now = clock.monotonic();
    const observed = await inventory.looks();
    const left = new Map([...asked].filter(([hostId]) => (observed.get(hostId)?.observedAt ?? 0) < begun));
    if (left.size < asked.size) heard = now;
    asked = left;
    // Who does not answer keeps nobody else from being asked.
    let busy = [...asked.values()].filter(at => now < at + QUIET_MS).length;
    while (busy < ASKED_AT_ONCE) {
      const hostId = queue.shift();
      if (hostId === undefined) break;
      if (!sessions.send(hostId, { type: 'observe-facts', request: '', known: observed.get(hostId)?.root ?? null }))
        continue;
      asked.set(hostId, now);
      heard = now;
      busy += 1;
    }
    if (asked.size === 0) return;
    await pause(LOOK_MS);
  }
}
