import type { AddCommand } from '../cli.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { paintFor } from '../output/colour.ts';
import { printOne } from '../output/format.ts';
import { withClient } from '../session.ts';
import { identificationLines } from '../views/identification.ts';

/** `identify`: which versions are on a host, judged by its files. */
export const addIdentify: AddCommand = (program, { io }) => {
  prints(
    talks(
      program
        .command('identify')
        .description('say which version of each product is on a host, whether all of it, and what must be restarted')
        .argument('<host>', 'name of the host')
        .option('--files', 'name every file'),
    ),
  ).action(async (host: string, options: PrintingOptions & { files?: true }) => {
    const found = await withClient(io, options, client => client.identifyHost({ params: { name: host } }));
    printOne(io, options.output, found, found.host, () =>
      identificationLines(found, { paint: paintFor(io), files: options.files ?? false }),
    );
  });
};
