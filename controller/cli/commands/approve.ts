import type { Plan } from '@tidemark/shared/orders/plan.ts';
import { signApproval } from '@tidemark/shared/signing/approval.ts';
import type { AddCommand } from '../cli.ts';
import { confirmed } from '../confirm.ts';
import { CliError, Exit } from '../exit.ts';
import { loadPrivateKey } from '../keys.ts';
import { durationOption, type PrintingOptions, prints, talks } from '../options.ts';
import { paintFor } from '../output/colour.ts';
import { printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { openStored, planDigest } from '../plans.ts';
import { withClient } from '../session.ts';
import { planLines } from '../views/plan.ts';

type ApproveOptions = PrintingOptions & { key: string; passphraseFile?: string; validFor?: number; yes?: true };

/** `approve`: shows what is signed, signs it here, and hands in the signature. The key never leaves this machine. */
export const addApprove: AddCommand = (program, { io }) => {
  prints(
    talks(
      program
        .command('approve')
        .description('sign a plan, so that it may run; signed here, with a key that stays here')
        .argument('<plan>', 'file from "plan --out", digest, or the beginning of one')
        .requiredOption('--key <file>', 'private key of the approver')
        .option('--passphrase-file <file>', 'passphrase of a sealed key')
        .option(
          '--valid-for <duration>',
          "how long it counts; to the end of the plan's window if not given",
          durationOption,
        )
        .option('-y, --yes', 'do not ask, where there is a terminal to ask on'),
    ),
  ).action(async (given: string, options: ApproveOptions) => {
    const key = await loadPrivateKey(options.key, options.passphraseFile);
    await withClient(io, options, async client => {
      const digest = await planDigest(client, given);
      const stored = await client.getPlan({ params: { digest } });
      const plan = openStored(stored, digest);
      // What is signed is shown before it is; where data was asked for, it is shown beside the data.
      const shown = `${planLines(plan, stored.approval, { paint: paintFor(io) }).join('\n')}\n`;
      if (options.output === 'table' || options.output === 'wide') io.out(shown);
      else io.err(shown);
      await confirmed(options.yes === true ? null : io.ask, 'Sign this plan?');
      const now = io.clock.now();
      const approval = {
        format: 'tidemark/approval/v1',
        fleet: plan.header.fleet,
        plan: plan.digest,
        gate: 'plan',
        approvedAt: now,
        expiresAt: expiry(plan, now, options.validFor),
      } as const;
      const state = await client.approvePlan({ params: { digest }, body: signApproval(approval, key) });
      printOne(io, options.output, state, digest, () => [
        `Signed. ${state.approvals.length} of ${state.needed} approvals: ${nextStep(digest, state.complete, stored.run)}`,
      ]);
    });
  });
};

/** An approval that ran out in the middle of a run is given anew: that run goes on. */
function nextStep(digest: string, complete: boolean, run: string | null): string {
  if (!complete) return 'more are needed before it may run';
  return run === null ? `it may run: tidemark apply ${digest}` : `it may go on: tidemark run resume ${plain(run)}`;
}

function expiry(plan: Plan, now: number, validForMs: number | undefined): number {
  const expiresAt = validForMs === undefined ? plan.header.window.end : now + validForMs;
  if (expiresAt <= now)
    throw new CliError(Exit.error, "the plan's window is over: make a new plan, since this one can never run");
  return expiresAt;
}
