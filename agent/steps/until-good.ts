import { type StepContext, StepFailed, type StepReport } from './executor.ts';

/** What a look at the server found. */
export interface Look {
  good: boolean;
  /** `is not reachable: the connection is refused`; follows the name of what was looked at. */
  saw: string;
  facts: Record<string, unknown>;
}

const POLL_MS = 250;

/** Looks until it is good or the time is over. `what` begins the sentence in both cases. */
export async function untilGood(
  what: string,
  withinMs: number,
  context: Pick<StepContext, 'clock' | 'signal'>,
  look: () => Promise<Look>,
): Promise<StepReport> {
  const begun = context.clock.monotonic();
  for (let tries = 1; ; tries++) {
    const { good, saw, facts } = await look();
    const elapsedMs = context.clock.monotonic() - begun;
    const tookMs = Math.round(elapsedMs);
    const found = { ...facts, tries, tookMs };
    const after = tries > 1 ? ` after ${tookMs} ms` : '';
    if (good) return { message: `${what} ${saw}${after}`, facts: found };
    if (context.signal.aborted || elapsedMs + POLL_MS > withinMs) throw new StepFailed(`${what} ${saw}${after}`, found);
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}
