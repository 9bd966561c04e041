import { capture } from '../platform/capture.ts';
import { findTool } from '../platform/tools.ts';
import { firstWords, systemctl } from '../platform/units.ts';
import { type Executor, report, type StepContext, StepFailed } from './executor.ts';

const POLL_MS = 500;

export const systemWait: Executor<'system/wait'> = async ({ until, ms }, context) => {
  const begun = context.clock.monotonic();
  const tookMs = () => Math.round(context.clock.monotonic() - begun);
  if (until === 'elapsed') {
    while (tookMs() < ms && !context.signal.aborted) await delay(Math.min(POLL_MS, ms - tookMs()));
    if (context.signal.aborted) throw new StepFailed(`waited ${tookMs()} ms of ${ms} ms`);
    return report(`waited ${tookMs()} ms`, { tookMs: tookMs() });
  }
  for (;;) {
    const state = await systemState(context);
    if (state === 'running' || state === 'degraded') {
      const failed = state === 'degraded' ? await failedUnits(context) : [];
      const but = failed.length > 0 ? `, but ${failed.join(', ')} failed` : '';
      return report(`the server has booted${but}`, { state, failed, tookMs: tookMs() });
    }
    if (tookMs() >= ms)
      throw new StepFailed(
        `the server has not booted after ${tookMs()} ms: systemd says ${state}; see systemctl list-jobs`,
      );
    await delay(Math.min(POLL_MS, Math.max(1, ms - tookMs())));
  }
};

/** `initializing`, `starting`, `running`, `degraded`, `maintenance`, `stopping`: systemctl(1), is-system-running. */
async function systemState(context: StepContext): Promise<string> {
  const program = findTool(context.root, 'systemctl');
  if (program === null)
    throw new StepFailed(
      'this server is not run by systemd, which alone can say when it has booted; wait for a time instead',
    );
  // Its exit status says the same once more.
  return (await capture([program, 'is-system-running'], context.place)).stdout.trim() || 'nothing';
}

const failedUnits = async (context: StepContext): Promise<string[]> =>
  firstWords(await systemctl(['list-units', '--state=failed', '--plain', '--no-legend', '--no-pager'], context.place));

const delay = (milliseconds: number) => new Promise<void>(resolve => setTimeout(resolve, milliseconds));
