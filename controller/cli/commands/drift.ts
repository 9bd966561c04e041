import { Option } from 'commander';
import type { AddCommand } from '../cli.ts';
import { Exit } from '../exit.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { paintFor } from '../output/colour.ts';
import { printOne } from '../output/format.ts';
import { withClient } from '../session.ts';
import { driftLines } from '../views/drift.ts';

type DriftOptions = PrintingOptions & { plane: 'software' | 'config' | 'all' };

/** `drift`: a host against another, or against what its products should be. */
export const addDrift: AddCommand = (program, { io, finish }) => {
  prints(
    talks(
      program
        .command('drift')
        .description('show how the second host differs from the first, or one host from what its products should be')
        .argument('<host>', 'the host, or the one that the other is held against')
        .argument('[other]', 'the host that is looked at')
        .addOption(
          new Option('--plane <plane>', 'what to compare between two hosts')
            .choices(['software', 'config', 'all'])
            .default('all'),
        ),
    ),
  ).action(async (host: string, other: string | undefined, options: DriftOptions) => {
    const report = await withClient(io, options, client =>
      other === undefined
        ? client.driftOfHost({ params: { name: host } })
        : client.compareHosts({ query: { a: host, b: other, plane: options.plane } }),
    );
    printOne(io, options.output, report, report.identical ? 'identical' : 'different', () =>
      driftLines(report, { paint: paintFor(io), wide: options.output === 'wide' }),
    );
    finish(report.identical ? Exit.ok : Exit.differences);
  });
};
