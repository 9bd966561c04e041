import { readClock } from '../platform/clock-offset.ts';
import { type Executor, report, StepFailed } from './executor.ts';

/** A check that cannot answer fails: tokens, certificates and windows all rest on the clock. */
export const checkClock: Executor<'check/clock'> = async ({ maxOffsetMs }, context) => {
  const reading = await readClock(context.place);
  if (!reading.known) {
    throw new StepFailed(
      `nobody can tell whether the clock is right: ${reading.why}; set up a time service and try again`,
      { offsetMs: null, maxOffsetMs },
    );
  }
  const { source, offsetMs } = reading;
  const saw = `the clock is ${showMs(Math.abs(offsetMs))} ${offsetMs < 0 ? 'behind' : 'ahead'}, says ${source}`;
  const facts = { offsetMs, maxOffsetMs, source };
  if (Math.abs(offsetMs) > maxOffsetMs)
    throw new StepFailed(`${saw}; at most ${showMs(maxOffsetMs)} are allowed: correct it and try again`, facts);
  return report(`${saw}; ${showMs(maxOffsetMs)} are allowed`, facts);
};

const showMs = (ms: number): string =>
  ms >= 1_000 ? `${(ms / 1000).toFixed(1)} s` : `${Number(ms.toPrecision(3))} ms`;
