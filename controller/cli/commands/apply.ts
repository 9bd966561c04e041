import type { AddCommand } from '../cli.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printOne } from '../output/format.ts';
import { planDigest } from '../plans.ts';
import { withClient } from '../session.ts';
import { type WatchOptions, watchOptions, watchRun } from '../watch.ts';

/** `apply`: the plan runs. */
export const addApply: AddCommand = (program, { io, finish }) => {
  watchOptions(
    prints(
      talks(
        program
          .command('apply')
          .description('run an approved plan')
          .argument('<plan>', 'file from "plan --out", digest, or the beginning of one')
          .option('-w, --watch', 'follow the run to its end'),
      ),
    ),
  ).action(async (given: string, options: PrintingOptions & WatchOptions & { watch?: true }) => {
    await withClient(io, options, async client => {
      const plan = await planDigest(client, given);
      const { run } = await client.createRun({ body: { plan } });
      if (options.watch) {
        io.err(`Run ${run} has begun.\n`);
        finish(await watchRun(io, client, run, options));
      } else {
        printOne(io, options.output, { run, plan }, run, () => [`Run ${run} has begun: tidemark run watch ${run}`]);
      }
    });
  });
};
