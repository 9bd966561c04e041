import type { AddCommand } from '../cli.ts';
import { readText, shownName } from '../files.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printListing } from '../output/format.ts';
import { withClient } from '../session.ts';
import { ringsListing } from '../views/bundles.ts';

const MAX_RINGS_BYTES = 1_000_000;

/** `ring`: the stages that bundles are promoted through. */
export const addRing: AddCommand = (program, { io }) => {
  const ring = program.command('ring').description('stages that bundles are promoted through');
  prints(
    talks(
      ring
        .command('apply')
        .description('replace the rings by those of a file, as a whole or not at all')
        .argument('<file>', 'YAML or JSON'),
    ),
  ).action(async (file: string, options: PrintingOptions) => {
    const text = await readText(file, MAX_RINGS_BYTES);
    const body = { text, fileName: shownName(file) };
    const { rings } = await withClient(io, options, client => client.setRings({ body }));
    printListing(io, options.output, ringsListing(rings));
  });
};
