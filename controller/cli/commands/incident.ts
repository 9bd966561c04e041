import type { AddCommand } from '../cli.ts';
import { countOption, type PrintingOptions, prints, talks } from '../options.ts';
import { printOne } from '../output/format.ts';
import { withClient } from '../session.ts';
import { incidentLines } from '../views/things.ts';

/** `incident resolve`. "get incidents" lists them. */
export const addIncident: AddCommand = (program, { io }) => {
  const incident = program.command('incident').description('what needs a decision');
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
