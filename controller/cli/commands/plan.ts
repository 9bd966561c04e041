import { MAX_POLICY_BYTES } from '../../api/contract/plans.ts';
import type { AddCommand } from '../cli.ts';
import { readText, shownName, writeNew } from '../files.ts';
import { momentOption, type PrintingOptions, prints, talks } from '../options.ts';
import { paintFor } from '../output/colour.ts';
import { printOne } from '../output/format.ts';
import { openStored } from '../plans.ts';
import { withClient } from '../session.ts';
import { planLines } from '../views/plan.ts';

/** `plan`: compiles a policy and shows all that would happen. Nothing happens yet. */
export const addPlan: AddCommand = (program, { io }) => {
  prints(
    talks(
      program
        .command('plan')
        .description('compile a policy into a plan and show it; nothing runs before it is approved and applied')
        .argument('<policy>', 'policy file')
        .option(
          '--at <time>',
          'when the window opens: a time with its zone, +2h, or now',
          momentOption(() => io.clock.now()),
        )
        .option('--out <file>', 'write the plan itself into a file; it must not exist'),
    ),
  ).action(async (policy: string, options: PrintingOptions & { at?: number; out?: string }) => {
    const policyText = await readText(policy, MAX_POLICY_BYTES);
    const stored = await withClient(io, options, client =>
      client.createPlan({
        body: {
          policyText,
          fileName: shownName(policy),
          ...(options.at === undefined ? {} : { at: new Date(options.at).toISOString() }),
        },
      }),
    );
    const plan = openStored(stored, null);
    if (options.out !== undefined) await writeNew(options.out, `${JSON.stringify(stored.document)}\n`, 0o644);
    const view = { paint: paintFor(io), wide: options.output === 'wide' };
    printOne(io, options.output, { digest: plan.digest, header: plan.header }, plan.digest, () =>
      planLines(plan, stored.approval, view),
    );
    if (options.out !== undefined) io.err(`The plan is in ${options.out}.\n`);
  });
};
