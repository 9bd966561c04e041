import type { DryRunCall } from '@tidemark/shared/orders/dry-run.ts';
import type { Plan } from '@tidemark/shared/orders/plan.ts';
import type { Client } from '../../client/client.ts';
import { ClientError } from '../../client/errors.ts';
import type { AddCommand } from '../cli.ts';
import { CliError, Exit, usageError } from '../exit.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { openStored, planDigest } from '../plans.ts';
import { withClient } from '../session.ts';
import { type DryRunOf, dryRunLines } from '../views/dry-run.ts';
import { jobsOf } from '../views/explain.ts';

/** An agent works on one at a time, and the controller waits for so long. */
const ANSWER_MS = 180_000;
const HOSTS_AT_ONCE = 8;

/** `dry-run`: what an upgrade of packages would do to hosts, asked of their agents now. */
export const addDryRun: AddCommand = (program, { io, finish }) => {
  prints(
    talks(
      program
        .command('dry-run')
        .description('show exactly what an upgrade of packages would change on hosts, and change nothing')
        .argument('[host...]', 'names of hosts; of a plan all where none is given')
        .option(
          '--plan <plan>',
          'what this plan does to packages (a file, a digest, or its beginning); else an upgrade to all that the repositories offer',
        ),
    ),
  ).action(async (given: string[], options: PrintingOptions & { plan?: string }) => {
    const found = await withClient(io, options, async client => {
      const plan = options.plan === undefined ? null : await planNamed(client, options.plan);
      const hosts = given.length > 0 ? given : (plan?.header.hosts.map(({ name }) => name) ?? []);
      if (hosts.length === 0) throw usageError('name hosts, or a plan with --plan');
      const wishes = hosts.map(host => ({ host, calls: plan && callsOf(plan, host) }));
      return inTurn(wishes, HOSTS_AT_ONCE, wish => ask(client, wish));
    });
    printOne(io, options.output, found, given.join(' '), () => found.flatMap(dryRunLines));
    if (found.some(({ error, result }) => error !== null || (result?.refused.length ?? 0) > 0)) finish(Exit.error);
  });
};

async function planNamed(client: Client, given: string): Promise<Plan> {
  const digest = await planDigest(client, given);
  return openStored(await client.getPlan({ params: { digest } }), digest);
}

/** What a host's order does to packages, in its order. */
function callsOf(plan: Plan, host: string): DryRunCall[] {
  if (!plan.header.hosts.some(({ name }) => name === host))
    throw new CliError(Exit.error, `${plain(host)} is not in the plan: "tidemark explain" says why`);
  return jobsOf(plan, host).flatMap(({ call }) => {
    switch (call.kind) {
      case 'package/upgrade':
      case 'package/install':
      case 'package/remove':
        return [call];
      default:
        return [];
    }
  });
}

async function ask(client: Client, { host, calls }: { host: string; calls: DryRunCall[] | null }): Promise<DryRunOf> {
  if (calls?.length === 0) return { host, result: null, error: null };
  try {
    const result = await client.dryRunHost({ params: { name: host }, body: { calls }, timeoutMs: ANSWER_MS });
    return { host, result, error: null };
  } catch (error) {
    // One host that does not answer says nothing about the others.
    if (error instanceof ClientError && error.kind === 'refused') return { host, result: null, error: error.message };
    throw error;
  }
}

/** At most so many at once; the results in the order of the items. */
async function inTurn<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const waiting = [...items.entries()];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) results[next[0]] = await work(next[1]);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}
