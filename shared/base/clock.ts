/** Time as an argument. Production reads the machine's; tests and the simulator make their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump. For what people read and for expiry. */
  now(): number;
  /** Milliseconds since some fixed moment; never jumps back. For durations and timeouts. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
