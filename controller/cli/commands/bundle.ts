import { InvalidArgumentError, Option } from 'commander';
import type { Bundle } from '../../api/contract/releases.ts';
import { Ring } from '../../api/contract/releases.ts';
import type { AddCommand } from '../cli.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printOne } from '../output/format.ts';
import { withClient } from '../session.ts';
import { bundleLines } from '../views/things.ts';

interface Release {
  product: string;
  version: string;
}

/** `bundle create`. */
export const addBundle: AddCommand = (program, { io }) => {
  const bundle = program.command('bundle').description('frozen sets of patches');
  prints(
    talks(
      bundle
        .command('create')
        .description('freeze a set of releases under a name')
        .argument('<name>', 'what to call it')
        .requiredOption('--release <product@version>', 'a release that is in it; may be repeated', releaseOption)
        .addOption(
          new Option('--ring <ring>', 'how far it is promoted from the start').choices(Ring.options).default('test'),
        ),
    ),
  ).action(async (name: string, options: PrintingOptions & { release: Release[]; ring: Bundle['ring'] }) => {
    const made = await withClient(io, options, client =>
      client.createBundle({ body: { name, releases: options.release, ring: options.ring } }),
    );
    printOne(io, options.output, made, made.name, () => bundleLines(made));
  });
};

function releaseOption(text: string, before: Release[] | undefined): Release[] {
  const match = /^(.+)@([^@]+)$/.exec(text);
  if (!match?.[1] || !match[2]) throw new InvalidArgumentError('Give PRODUCT@VERSION.');
  return [...(before ?? []), { product: match[1], version: match[2] }];
}
