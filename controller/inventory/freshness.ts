const HOUR_MS = 3_600_000;

/**
 * Facts that are older say what a server was, not what it is, and nothing is planned on them. A day, since an agent that is
 * reachable is asked anew before each plan: what is older is from one that has been silent all that time.
 */
export const FACTS_MAX_AGE_MS = 24 * HOUR_MS;

/** Whether what was observed then may be relied on now. Milliseconds since the epoch. */
export const isFresh = (observedAt: number, now: number, maxAgeMs: number = FACTS_MAX_AGE_MS): boolean =>
  now - observedAt <= maxAgeMs;
