import type { AddCommand } from '../cli.ts';
import { usageError } from '../exit.ts';
import { countOption, type PrintingOptions, prints, talks } from '../options.ts';
import { printListing, printOne } from '../output/format.ts';
import { withClient } from '../session.ts';
import { bundleLines, hostRiskLines, risksListing } from '../views/risk.ts';

type RiskOptions = PrintingOptions & { bundle?: string; limit: number };

const SHOWN = 50;

/** `risk`: what advisories mean for hosts. */
export const addRisk: AddCommand = (program, { io }) => {
  prints(
    talks(
      program
        .command('risk')
        .description('list hosts by their risk, show that of one with its arithmetic, or what a bundle would remove')
        .argument('[host]', 'of this host, every advisory')
        .option('--bundle <name>', 'what this bundle would remove from which hosts')
        .option('--limit <count>', 'so many hosts', countOption, SHOWN),
    ),
  ).action(async (host: string | undefined, options: RiskOptions) => {
    const { bundle, limit } = options;
    if (host !== undefined && bundle !== undefined) throw usageError('ask for a host or for a bundle, not both');
    await withClient(io, options, async client => {
      if (bundle !== undefined) {
        const effect = await client.getBundleEffect({ params: { name: bundle } });
        printOne(io, options.output, effect, bundle, () => bundleLines(effect));
      } else if (host !== undefined) {
        const risk = await client.getHostRisk({ params: { name: host } });
        printOne(io, options.output, risk, host, () => hostRiskLines(risk));
      } else {
        const { hosts, total } = await client.listRisks({ query: { limit } });
        printListing(io, options.output, risksListing(hosts));
        if (total > hosts.length) io.err(`${hosts.length} of ${total} hosts; --limit shows more.\n`);
      }
    });
  });
};
