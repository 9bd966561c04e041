import type { Plan } from '@tidemark/shared/orders/plan.ts';
import { MAX_POLICY_BYTES } from '../../api/contract/plans.ts';
import type { Client } from '../../client/client.ts';
import type { AddCommand } from '../cli.ts';
import { CliError, Exit, usageError } from '../exit.ts';
import { readText, shownName, writeNew } from '../files.ts';
import { momentOption, type PrintingOptions, prints, talks } from '../options.ts';
import { paintFor } from '../output/colour.ts';
import { printOne } from '../output/format.ts';
import { diffPlans } from '../plan-diff.ts';
import { openStored, planDigest } from '../plans.ts';
import { filesOfPolicy, nameOfPolicy } from '../policy-files.ts';
import { withClient } from '../session.ts';
import { forecastLines } from '../views/forecast.ts';
import { planLines } from '../views/plan.ts';
import { diffLines } from '../views/plan-diff.ts';

type PlanOptions = PrintingOptions & {
  at?: number;
  out?: string;
  emergency?: string | true;
  cve?: string[];
  diff?: string | true;
  simulate?: true;
};

/** `plan`: compiles a policy and shows all that would happen. Nothing happens yet. */
export const addPlan: AddCommand = (program, cli) => {
  const { io } = cli;
  prints(
    talks(
      program
        .command('plan')
        .description('compile a policy into a plan and show it; nothing runs before it is approved and applied')
        .argument('<policy>', 'policy file')
        .option(
          '--at <time>',
          'when the window opens: a time with its zone, +2h, or now; else as the policy says',
          momentOption(() => io.clock.now()),
        )
        .option(
          '--emergency [reason]',
          'as the "emergency" of the policy says: shorter soaks, over freezes, approvers of its own; with --cve that is the reason',
        )
        .option('--cve <number...>', 'only hosts that are affected by one of these')
        .option('--diff [plan]', 'show only what is another than in this plan; "last": the last one that ran')
        .option('--simulate', 'also forecast the night: when it ends, what does not fit, which limit binds')
        .option('--out <file>', 'write the plan itself into a file; it must not exist'),
    ),
  ).action(async (policy: string, options: PlanOptions) => {
    const policyText = await readText(policy, MAX_POLICY_BYTES);
    const emergency = reasonOf(options);
    const files = await filesOfPolicy(policy, policyText);
    const { stored, plan, before, night } = await withClient(io, options, async client => {
      // What to compare with is looked up first: a slip in it must not leave a plan behind.
      const against = options.diff === undefined ? null : await planBefore(client, options.diff, policyText);
      const made = await client.createPlan({
        body: {
          policyText,
          fileName: shownName(policy),
          files,
          ...(options.at === undefined ? {} : { at: new Date(options.at).toISOString() }),
          ...(emergency === undefined ? {} : { emergency }),
          ...(options.cve === undefined ? {} : { cves: options.cve }),
        },
      });
      const forecast = options.simulate
        ? await client.forecastPlan({ params: { digest: made.digest }, query: {} })
        : null;
      return { stored: made, plan: openStored(made, null), before: against, night: forecast };
    });
    if (options.out !== undefined) await writeNew(options.out, `${JSON.stringify(stored.document)}\n`, 0o644);
    const paint = paintFor(io);
    const forecast = night ? forecastLines(night, paint) : [];
    if (before === null) {
      const shown = { digest: plan.digest, header: plan.header, ...(night && { forecast: night }) };
      printOne(io, options.output, shown, plan.digest, () => [
        ...planLines(plan, stored.approval, { paint, wide: options.output === 'wide' }),
        ...(night ? ['', ...forecast] : []),
      ]);
    } else {
      const diff = diffPlans(before, plan);
      const shown = night ? { ...diff, forecast: night } : diff;
      printOne(io, options.output, shown, plan.digest, () => [
        ...diffLines(diff, paint),
        `Digest ${plan.digest}`,
        ...(night ? ['', ...forecast] : []),
      ]);
      if (diff.differences.length > 0) cli.finish(Exit.differences);
    }
    if (options.out !== undefined) io.err(`The plan is in ${options.out}.\n`);
  });
};

/** Why it is an emergency, in words; undefined where it is none. */
function reasonOf({ emergency, cve }: PlanOptions): string | undefined {
  if (emergency !== true) return emergency;
  if (cve === undefined) throw usageError('say why it is an emergency: --emergency REASON, or by --cve');
  return `answers ${cve.join(', ')}`;
}

/** The plan to compare with. The last one that ran is that of the policy's name, since other policies are other nights. */
async function planBefore(client: Client, given: string | true, policyText: string): Promise<Plan> {
  if (given !== true && given !== 'last') {
    const digest = await planDigest(client, given);
    return openStored(await client.getPlan({ params: { digest } }), digest);
  }
  const name = nameOfPolicy(policyText);
  const { plans } = await client.listPlans();
  const last = plans.find(plan => plan.run !== null && plan.name === name);
  if (!last)
    throw new CliError(
      Exit.error,
      'no plan of this policy has run yet: give the plan to compare with ("--diff DIGEST")',
    );
  return openStored(await client.getPlan({ params: { digest: last.digest } }), last.digest);
}
