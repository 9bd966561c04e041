import type { AddCommand } from '../cli.ts';
import { countOption, type PrintingOptions, prints, talks } from '../options.ts';
import { printListing, printOne } from '../output/format.ts';
import { withClient } from '../session.ts';
import { incidentsListing } from '../views/listings.ts';
import { incidentDetailLines, incidentLines } from '../views/things.ts';

/** `incident list|show|take|comment|resolve`. */
export const addIncident: AddCommand = (program, { io }) => {
  const incident = program.command('incident').description('what needs a decision');
  prints(
    talks(
      incident
        .command('list')
        .description('list incidents, newest first')
        .option('--all', 'those that are resolved too'),
    ),
  ).action(async (options: PrintingOptions & { all?: true }) => {
    const query = { state: options.all ? ('all' as const) : ('open' as const) };
    const { incidents } = await withClient(io, options, client => client.listIncidents({ query }));
    printListing(io, options.output, incidentsListing(incidents));
  });
  prints(
    talks(
      incident
        .command('show')
        .description('show what has happened, what it holds up, and what can be done about it now')
        .argument('<id>', 'its number', countOption),
    ),
  ).action(async (id: number, options: PrintingOptions) => {
    const shown = await withClient(io, options, client => client.getIncident({ params: { id } }));
    printOne(io, options.output, shown, String(shown.id), () => incidentDetailLines(shown));
  });
  prints(
    talks(
      incident.command('take').description('say that you look after it').argument('<id>', 'its number', countOption),
    ),
  ).action(async (id: number, options: PrintingOptions) => {
    const taken = await withClient(io, options, client => client.takeIncident({ params: { id } }));
    printOne(io, options.output, taken, String(taken.id), () => incidentLines(taken));
  });
  prints(
    talks(
      incident
        .command('comment')
        .description('write down what you found out')
        .argument('<id>', 'its number', countOption)
        .argument('<text>', 'kept with the incident and in the audit log'),
    ),
  ).action(async (id: number, text: string, options: PrintingOptions) => {
    const after = await withClient(io, options, client => client.commentIncident({ params: { id }, body: { text } }));
    printOne(io, options.output, after, String(after.id), () => incidentLines(after));
  });
  prints(
    talks(
      incident
        .command('resolve')
        .description('say that what an incident is about has been dealt with')
        .argument('<id>', 'its number', countOption)
        .requiredOption('--reason <text>', 'what was done: it is kept in the audit log'),
    ),
  ).action(async (id: number, options: PrintingOptions & { reason: string }) => {
    const resolved = await withClient(io, options, client =>
      client.resolveIncident({ params: { id }, body: { reason: options.reason } }),
    );
    printOne(io, options.output, resolved, String(resolved.id), () => incidentLines(resolved));
  });
};
