/**
 * What a scan may take of its server. Left out: as much as there is.
 */
export interface Budget {
  /** Share of one processor that each of the scan's threads may use, above 0 and at most 1. */
  cpuShare?: number;
  /** Bytes that the whole scan may read from files in a second. */
  bytesPerSecond?: number;
}

/** Thrown inside a scan that is to end. */
export class ScanCancelled extends Error {
  override name = 'ScanCancelled';
}

/** Holds one thread of a scan to its share, and ends it when it is cancelled. */
export interface Pace {
  /** After each piece of work: may sleep, and throws {@link ScanCancelled}. */
  step(bytesRead: number): void;
}

/** Sleeping less is not worth the call, and working longer at once is felt by others. */
const SLICE_MS = 10;
/** A sleep ends this soon after a scan is cancelled. */
const LONGEST_SLEEP_MS = 200;

export interface PaceOptions {
  budget: Budget;
  /** By how many threads the bytes are shared. */
  threads: number;
  isCancelled: () => boolean;
  monotonic: () => number;
  sleep: (ms: number) => void;
}

export function createPace({ budget, threads, isCancelled, monotonic, sleep }: PaceOptions): Pace {
  const { cpuShare = 1, bytesPerSecond = Number.POSITIVE_INFINITY } = budget;
  const restPerWork = 1 / cpuShare - 1;
  const bytesPerMs = bytesPerSecond / threads / 1000;
  let sliceFrom = monotonic();
  let sliceBytes = 0;
  const isFree = restPerWork === 0 && bytesPerMs === Number.POSITIVE_INFINITY;
  return {
    step: bytesRead => {
      if (isCancelled()) throw new ScanCancelled('the scan was cancelled');
      if (isFree) return;
      sliceBytes += bytesRead;
      const worked = monotonic() - sliceFrom;
      let rest = Math.max(worked * restPerWork, sliceBytes / bytesPerMs - worked);
      if (worked < SLICE_MS && rest < SLICE_MS) return;
      for (; rest > 0; rest -= LONGEST_SLEEP_MS) {
        sleep(Math.min(rest, LONGEST_SLEEP_MS));
        if (isCancelled()) throw new ScanCancelled('the scan was cancelled');
      }
      sliceFrom = monotonic();
      sliceBytes = 0;
    },
  };
}

/** Scans run in threads that have nothing else to do. */
export function sleepSync(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

export const unhurried: Pace = { step: () => undefined };
