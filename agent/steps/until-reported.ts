import { type StepContext, StepFailed, type StepReport } from './executor.ts';

const POLL_MS = 500;

/** Looks until there is a report, or the time is over and the last reason counts. */
export async function untilReported(
  waitMs: number,
  context: StepContext,
  look: (tookMs: number) => Promise<StepReport | StepFailed>,
): Promise<StepReport> {
  const begun = context.clock.monotonic();
  for (;;) {
    const elapsedMs = context.clock.monotonic() - begun;
    const seen = await look(Math.round(elapsedMs));
    if (!(seen instanceof StepFailed)) return seen;
    if (context.signal.aborted || elapsedMs + POLL_MS > waitMs) throw seen;
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}
