import { every, type Loop, type LoopLog } from './every.ts';

/** Nothing that the rules wait for is shorter than a second; what a host reports wakes the loop by itself. */
const TICK_MS = 1_000;

/** Decides for all runs, again and again. */
export const tickLoop = (
  orchestrator: { tick(): Promise<void> },
  log: LoopLog,
  { intervalMs = TICK_MS, after }: { intervalMs?: number; after?: () => void } = {},
): Loop =>
  every(
    intervalMs,
    async () => {
      try {
        await orchestrator.tick();
      } finally {
        // What one run decided is to be sent also where another one could not be decided.
        after?.();
      }
    },
    { name: 'tick', log },
  );
