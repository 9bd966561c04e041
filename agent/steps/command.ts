import { describeArgv, describeEnd, runCommand } from '../platform/command.ts';
import { type Executor, report, StepFailed } from './executor.ts';

const POLL_MS = 250;

export const commandRun: Executor<'command/run'> = async ({ command, expectStatus }, context) => {
  const end = await runCommand(command, context.place);
  const facts = { status: end.status, signal: end.signal };
  if (end.status === null || !expectStatus.includes(end.status)) {
    throw new StepFailed(
      `${describeArgv(command)} failed: ${describeEnd(end)} (expected: ${expectStatus.join(', ')})`,
      facts,
    );
  }
  return report(`${describeArgv(command)} ended with ${describeEnd(end)}`, facts);
};

/** Gives the active role away and waits until it is gone. */
export const clusterHandover: Executor<'cluster/handover'> = async (args, context) => {
  const begun = context.clock.monotonic();
  const end = await runCommand(args.command, context.place);
  if (end.status !== 0) {
    throw new StepFailed(
      `the handover of ${args.cluster} failed: ${describeArgv(args.command)}: ${describeEnd(end)}; ` +
        'find out which member is active before you go on',
    );
  }
  for (;;) {
    const confirmed = await runCommand(args.confirm, context.place);
    const tookMs = Math.round(context.clock.monotonic() - begun);
    if (confirmed.status === 0)
      return report(`${args.cluster} is handed over after ${tookMs} ms`, { cluster: args.cluster, tookMs });
    if (tookMs >= args.waitMs) {
      throw new StepFailed(
        `${args.cluster} was told to hand over, but after ${tookMs} ms this member is still active: ` +
          `${describeArgv(args.confirm)}: ${describeEnd(confirmed)}`,
      );
    }
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
};
