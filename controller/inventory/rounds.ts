import { createHash } from 'node:crypto';

/* Whom to look at again, and when. Pure. */

/** Facts are used by people and plans; plans ask anew, and people find a quarter of an hour recent. */
export const ROUND_EVERY_MS = 15 * 60_000;
/** An agent that was asked has so long to answer before it is asked again: a look takes seconds, and it may scan first. */
export const ANSWER_WITHIN_MS = 5 * 60_000;
/** Hosts are spread over so much of a round, by their ids: virtual servers that are booted together share a processor. */
const SPREAD = 0.25;
/** Of the fleet that is due in a round: so much is caught up with after the controller was away. */
const CATCH_UP = 4;
const LEAST = 16;

/**
 * The hosts that are due, those that are known for longest first, and no more of them than keeps the fleet in step: `tickMs`
 * is how often this is asked. `asked` says when each was asked last.
 */
export function dueForLook(input: {
  connected: readonly string[];
  observed: ReadonlyMap<string, { observedAt: number }>;
  asked: ReadonlyMap<string, number>;
  now: number;
  tickMs: number;
  everyMs?: number;
}): string[] {
  const { connected, observed, asked, now, tickMs, everyMs = ROUND_EVERY_MS } = input;
  const seen = (hostId: string) => observed.get(hostId)?.observedAt ?? 0;
  const most = Math.max(LEAST, Math.ceil((connected.length * tickMs * CATCH_UP) / everyMs));
  return connected
    .filter(
      hostId =>
        now - seen(hostId) >= everyMs * (1 - SPREAD * shareOf(hostId)) &&
        now - (asked.get(hostId) ?? Number.NEGATIVE_INFINITY) >= ANSWER_WITHIN_MS,
    )
    .sort((a, b) => seen(a) - seen(b))
    .slice(0, most);
}

/** In [0, 1), the same for a host every time. */
const shareOf = (hostId: string): number => createHash('sha256').update(hostId).digest().readUInt32BE() / 2 ** 32;
