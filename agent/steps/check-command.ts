import { capture } from '../platform/capture.ts';
import { describeArgv, describeEnd } from '../platform/command.ts';
import type { Executor } from './executor.ts';
import { untilGood } from './until-good.ts';

/** Runs the command until it answers as expected. What it writes is kept as the step's output too. */
export const checkCommand: Executor<'check/command'> = (args, context) =>
  untilGood(describeArgv(args.command), args.withinMs, context, async () => {
    const end = await capture(args.command, context.place);
    context.output(Buffer.from(end.stdout, 'utf8'));
    const facts = { status: end.status, signal: end.signal };
    const saw = `ended with ${describeEnd(end)}`;
    if (end.status === null || !args.expectStatus.includes(end.status))
      return { good: false, saw: `${saw} (expected: ${args.expectStatus.join(', ')})`, facts };
    if (args.expectText !== null && !end.stdout.includes(args.expectText))
      return { good: false, saw: `${saw}, and does not say ${JSON.stringify(args.expectText)}`, facts };
    return { good: true, saw, facts };
  });
