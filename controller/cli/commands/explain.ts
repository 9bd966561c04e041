import type { AddCommand } from '../cli.ts';
import { CliError, Exit } from '../exit.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { openStored, planDigest } from '../plans.ts';
import { withClient } from '../session.ts';
import { explainHost, explainJob, jobsOf } from '../views/explain.ts';

/** `explain`: why a host is in a plan or is not, and why each of its jobs is there. */
export const addExplain: AddCommand = (program, { io }) => {
  prints(
    talks(
      program
        .command('explain')
        .description('say why a host is in a plan or left out, and why each of its jobs is there')
        .argument('<plan>', 'file from "plan --out", digest, or the beginning of one')
        .argument('<host>', 'name of the host')
        .argument('[job]', 'its name, like stop:orders-web, its step, or its number'),
    ),
  ).action(async (given: string, host: string, job: string | undefined, options: PrintingOptions) => {
    const plan = await withClient(io, options, async client => {
      const digest = await planDigest(client, given);
      return openStored(await client.getPlan({ params: { digest } }), digest);
    });
    const lines = explainHost(plan, host);
    if (lines === null)
      throw new CliError(Exit.error, `the plan does not know ${plain(host)}: its policy does not select it`);
    const jobs = jobsOf(plan, host);
    if (job === undefined) {
      const planned = plan.header.hosts.find(each => each.name === host) ?? null;
      const excluded = plan.header.excluded.find(each => each.host === host)?.reason ?? null;
      printOne(io, options.output, { host: planned, excluded, jobs }, host, () => lines);
      return;
    }
    const about = explainJob(plan, host, job);
    if (about === null)
      throw new CliError(
        Exit.error,
        `${plain(host)} has no job ${plain(job)} in this plan; it has ${jobs.map(each => plain(each.id)).join(', ') || 'none'}`,
      );
    const found = jobs.find((each, index) => each.id === job || each.step === job || String(index + 1) === job);
    printOne(io, options.output, found, job, () => about);
  });
};
