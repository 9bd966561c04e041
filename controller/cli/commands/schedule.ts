import { Option } from 'commander';
import type { AddCommand } from '../cli.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printListing, printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { moment } from '../output/time.ts';
import { withClient } from '../session.ts';
import { schedulesListing } from '../views/listings.ts';

type CreateOptions = PrintingOptions & {
  select: string;
  cron: string;
  timezone: string;
  onDrift: 'report' | 'incident';
  profile?: string;
};

/** `schedule`: scans that come by themselves. */
export const addSchedule: AddCommand = (program, { io }) => {
  const schedule = program.command('schedule').description('scans that come by themselves');

  prints(
    talks(
      schedule
        .command('create')
        .description('scan hosts again and again')
        .argument('<name>', 'small letters, digits, ".", "_" or "-"')
        .requiredOption('--select <condition>', 'which hosts, as in a policy, like \'host.app == "orders"\'')
        .requiredOption('--cron <fields>', 'minute, hour, day, month, day of the week, like "30 2 * * *"')
        .option('--timezone <zone>', 'by the clock of which zone, like Europe/Berlin', 'UTC')
        .option('--profile <name>', 'what to look at; the products of each host if not given')
        .addOption(
          new Option('--on-drift <what>', 'what becomes of drift that is found')
            .choices(['report', 'incident'])
            .default('report'),
        ),
    ),
  ).action(async (name: string, options: CreateOptions) => {
    const { select, cron, timezone, onDrift, profile = null } = options;
    const added = await withClient(io, options, client =>
      client.addSchedule({ body: { name, select, cron, timezone, onDrift, profile } }),
    );
    printOne(io, options.output, added, added.name, () => [
      `${plain(added.name)} scans for the first time at ${moment(added.nextDueAt)}.`,
    ]);
  });

  prints(talks(schedule.command('list').description('list schedules'))).action(async (options: PrintingOptions) => {
    const { schedules } = await withClient(io, options, client => client.listSchedules());
    printListing(io, options.output, schedulesListing(schedules));
  });

  prints(
    talks(schedule.command('remove').description('end a schedule').argument('<name>', 'name of the schedule')),
  ).action(async (name: string, options: PrintingOptions) => {
    const removed = await withClient(io, options, client => client.removeSchedule({ params: { name } }));
    printOne(io, options.output, removed, removed.name, () => [`Removed ${plain(removed.name)}.`]);
  });
};
