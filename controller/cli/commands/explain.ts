import type { AddCommand } from '../cli.ts';
import { CliError, Exit, usageError } from '../exit.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { openStored, planDigest } from '../plans.ts';
import { withClient } from '../session.ts';
import { explainHost, explainJob, jobsOf } from '../views/explain.ts';
import { explainedLines } from '../views/queries.ts';

/** `explain`: why a host is in a plan or is not, and why each of its jobs is there. */
export const addExplain: AddCommand = (program, { io }) => {
  prints(
    talks(
      program
        .command('explain')
        .description(
          'say why a host is in a plan or left out, and why each of its jobs is there; or why it is in a group: explain group GROUP HOST',
        )
        .argument('<plan>', 'file from "plan --out", digest, or the beginning of one; or the word group')
        .argument('<host>', 'name of the host; of a group, its own name')
        .argument('[job]', 'its name, like stop:orders-web, its step, or its number; of a group, the host'),
    ),
  ).action(async (given: string, host: string, job: string | undefined, options: PrintingOptions) => {
    if (given === 'group') {
      if (job === undefined) throw usageError('say of which host: tidemark explain group GROUP HOST');
      const explained = await withClient(io, options, client =>
        client.explainGroup({ params: { name: host, host: job } }),
      );
      printOne(io, options.output, explained, host, () => explainedLines(explained, `${job} is in ${host}`));
      return;
    }
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
