/** What loops need of a log: static text and fields. */
export interface LoopLog {
  info(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

export interface Loop {
  /** Runs soon, once, however often it is said; not before the round that runs now has ended. */
  wake(): void;
  /** No further round begins; resolves when the one that runs has ended. */
  stop(): Promise<void>;
}

/** Joins what is said within this time into one round: reports come in bursts. */
const WAKE_MS = 20;

/**
 * Does `work` every so often and soon after {@link Loop.wake}. Never two rounds at once; an error is logged and the next
 * round comes as if there had been none, since its cause (a database that restarts, say) may be gone by then.
 */
export function every(
  intervalMs: number,
  work: () => Promise<unknown>,
  { name, log }: { name: string; log: LoopLog },
): Loop {
  let timer: NodeJS.Timeout | null = null;
  let round: Promise<void> | null = null;
  let again = false;
  let stopped = false;

  const schedule = (ms: number) => {
    if (stopped) return;
    if (timer) clearTimeout(timer);
    timer = setTimeout(start, ms);
  };
  const start = () => {
    timer = null;
    again = false;
    round = run().finally(() => {
      round = null;
      schedule(again ? WAKE_MS : intervalMs);
    });
  };
  const run = async () => {
    try {
      await work();
    } catch (error) {
      log.error({ loop: name, err: error }, 'a round of a loop failed');
    }
  };

  schedule(0);
  return {
    wake() {
      if (again || stopped) return;
      again = true;
      if (!round) schedule(WAKE_MS);
    },
    async stop() {
      stopped = true;
      if (timer) clearTimeout(timer);
      await round;
    },
  };
}
