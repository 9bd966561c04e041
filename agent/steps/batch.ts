import { batchUnits, runningWork } from '../platform/batch-units.ts';
import { allHolds, type HeldUnit, type HoldPlace, holdUnits, releaseUnits } from '../platform/held-units.ts';
import { type Executor, report, type StepContext, StepFailed } from './executor.ts';

const POLL_MS = 500;

export const unitHoldPlace = (context: StepContext): HoldPlace => ({
  stateDir: context.stateDir,
  unitDirectory: context.resolve('/etc/systemd/system'),
  command: context.place,
});

/** Nothing starts any more and nothing runs, or all is as it was before. */
export const batchHold: Executor<'batch/hold'> = async ({ hold, waitMs, ...selection }, context) => {
  const place = unitHoldPlace(context);
  const find = () => batchUnits(selection, context.place);
  const { units, again } = await holdUnits(hold, find, context.clock.now(), place);
  const running = await waitForWork(units, waitMs, context);
  if (running.length > 0) {
    await releaseUnits(hold, place);
    throw new StepFailed(
      `batch work still runs after ${waitMs} ms: ${running.join(', ')}; nothing is held: let it end, and try again`,
      { running },
    );
  }
  const active = units.filter(({ wasActive }) => wasActive).map(({ unit }) => unit);
  return report(
    `${again ? 'still held' : 'held'} as ${hold}: ${active.join(', ') || 'nothing was active'}; no batch work runs`,
    { hold, units },
  );
};

/** Starts what was active when it was held, and nothing else. */
export const batchRelease: Executor<'batch/release'> = async ({ hold }, context) => {
  const released = await releaseUnits(hold, unitHoldPlace(context));
  if (!released) return report(`nothing is held as ${hold}`, { hold, started: [], gone: [], leftHeld: [] });
  const { started, gone, leftHeld } = released;
  const others = allHolds(context).map(other => `${other.hold} (since ${new Date(other.heldAt).toISOString()})`);
  const also = [
    ...(gone.length > 0 ? [`${gone.join(', ')} not there any more`] : []),
    ...(leftHeld.length > 0 ? [`${leftHeld.join(', ')} still held by another hold: ${others.join(', ')}`] : []),
  ];
  return report([`released ${hold}: ${started.join(', ') || 'nothing'} active again`, ...also].join('; '), {
    hold,
    ...released,
  });
};

/** What still runs in the end. */
async function waitForWork(units: readonly HeldUnit[], waitMs: number, context: StepContext): Promise<string[]> {
  const begun = context.clock.monotonic();
  for (;;) {
    const running = await runningWork(
      units.map(({ unit }) => unit),
      context.place,
    );
    if (running.length === 0 || context.clock.monotonic() - begun + POLL_MS > waitMs) return running;
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}
