/** First wait: a controller that restarts is back within seconds. */
const FIRST_MS = 500;
/** Longest wait: a fleet of 10,000 that comes back at once is spread over half a minute. */
const LONGEST_MS = 30_000;

/**
 * How long to wait before attempt `failures + 1`: doubling, and somewhere in its upper half, so that agents that lost
 * the controller together do not come back together. `random` is in [0, 1).
 */
export function backoffMs(failures: number, random: number): number {
  const most = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 16));
  return Math.round(most / 2 + (most / 2) * random);
}

/**
 * When to renew a certificate: at half of its life, up to a tenth of it later, so that servers enrolled together do not
 * renew together. Milliseconds since the epoch.
 */
export function renewalAt(certificate: { notBeforeMs: number; notAfterMs: number }, random: number): number {
  const life = certificate.notAfterMs - certificate.notBeforeMs;
  return Math.floor(certificate.notBeforeMs + life / 2 + (life / 10) * random);
}
