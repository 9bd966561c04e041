import type { AddCommand } from '../cli.ts';
import { countOption, type PrintingOptions, prints, talks } from '../options.ts';
import { printListing, printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { withClient } from '../session.ts';
import { changesListing } from '../views/queries.ts';

type CreateOptions = PrintingOptions & { select: string; importance: number; owner: string };

/** What most hosts have: it weighs 1 in risks. */
const USUAL_IMPORTANCE = 50;

/** `group`: conditions over hosts with a name, an importance and an owner. */
export const addGroup: AddCommand = (program, { io }) => {
  const group = program.command('group').description('hosts that belong together, and how much they matter');

  prints(
    talks(
      group
        .command('create')
        .description('make a group, or take another condition for one that is there')
        .argument('<name>', 'letters, digits, ".", "_" or "-"')
        .requiredOption('--select <condition>', 'which hosts, as in "tidemark query"')
        .option('--importance <number>', 'how much harm on them weighs, 0 to 100', countOption, USUAL_IMPORTANCE)
        .option('--owner <name>', 'who is asked about them', ''),
    ),
  ).action(async (name: string, options: CreateOptions) => {
    const { select, importance, owner } = options;
    const made = await withClient(io, options, client =>
      client.keepGroup({ body: { name, select, importance, owner } }),
    );
    printOne(io, options.output, made, made.name, () => [
      `Group ${plain(made.name)} is there: "tidemark query '"${plain(made.name)}" in host.groups'" lists its hosts.`,
    ]);
  });

  prints(talks(group.command('remove').description('remove a group').argument('<name>', 'its name'))).action(
    async (name: string, options: PrintingOptions) => {
      const gone = await withClient(io, options, client => client.removeGroup({ params: { name } }));
      printOne(io, options.output, gone, gone.name, () => [`Removed ${plain(gone.name)}.`]);
    },
  );

  prints(
    talks(
      group
        .command('changes')
        .description('list who came into a group and left it, newest first')
        .argument('<name>', 'its name')
        .option('--host <name>', 'only this host'),
    ),
  ).action(async (name: string, options: PrintingOptions & { host?: string }) => {
    const query = options.host === undefined ? {} : { host: options.host };
    const { changes } = await withClient(io, options, client => client.groupChanges({ params: { name }, query }));
    printListing(io, options.output, changesListing(changes));
  });
};
