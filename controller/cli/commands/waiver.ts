import type { AddCommand } from '../cli.ts';
import { usageError } from '../exit.ts';
import { durationOption, momentOption, type PrintingOptions, prints, talks } from '../options.ts';
import { printListing, printOne } from '../output/format.ts';
import { moment } from '../output/time.ts';
import { withClient } from '../session.ts';
import { waiversListing } from '../views/listings.ts';

type AddOptions = PrintingOptions & {
  host?: string;
  cluster?: string;
  product?: string;
  class?: string;
  path: string;
  reason: string;
  for?: number;
  until?: number;
};

/** `waiver`: differences that somebody answers for, until a day. */
export const addWaiver: AddCommand = (program, { io }) => {
  const waiver = program.command('waiver').description('differences that somebody answers for');

  prints(
    talks(
      waiver
        .command('add')
        .description('answer for differences until a day: they stay in reports and do not count')
        .requiredOption('--path <glob>', 'which files, like /etc/app/*.conf')
        .requiredOption('--reason <text>', 'why: it is shown in every report')
        .option('--host <host>', 'only of this host')
        .option('--cluster <name>', 'only of members of this cluster')
        .option('--product <name>', 'only of this product')
        .option('--class <class>', 'only of this class, like config-drift')
        .option('--for <duration>', 'how long, like 72h', durationOption)
        .option(
          '--until <time>',
          'to when',
          momentOption(() => io.clock.now()),
        ),
    ),
  ).action(async ({ host, cluster, product, class: kind, path, reason, ...options }: AddOptions) => {
    if ((options.for === undefined) === (options.until === undefined))
      throw usageError('say how long it holds: one of --for and --until');
    const until = options.until ?? io.clock.now() + (options.for ?? 0);
    const expiresAt = new Date(until).toISOString();
    const scope = { host: host ?? null, cluster: cluster ?? null, product: product ?? null, class: kind ?? null };
    const added = await withClient(io, options, client =>
      client.addWaiver({ body: { ...scope, path, reason, expiresAt } }),
    );
    printOne(io, options.output, added, added.id, () => [`Waived until ${moment(added.expiresAt)}: ${added.id}.`]);
  });

  prints(
    talks(waiver.command('list').description('list waivers in force').option('--all', 'those that are over, too')),
  ).action(async (options: PrintingOptions & { all?: true }) => {
    const state = options.all ? 'all' : 'in-force';
    const { waivers } = await withClient(io, options, client => client.listWaivers({ query: { state } }));
    printListing(io, options.output, waiversListing(waivers));
  });

  prints(
    talks(waiver.command('end').description('end a waiver before it expires').argument('<id>', 'id of the waiver')),
  ).action(async (id: string, options: PrintingOptions) => {
    const ended = await withClient(io, options, client => client.endWaiver({ params: { id } }));
    printOne(io, options.output, ended, ended.id, () => [`Ended ${ended.id}.`]);
  });
};
