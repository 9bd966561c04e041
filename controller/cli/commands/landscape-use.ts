import type { Command } from 'commander';
import { usageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printListing, printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { withClient } from '../session.ts';
import { importedLines } from '../views/landscape.ts';
import { impactLines, standingsListing, suggestionsListing } from '../views/landscape-use.ts';

/** `landscape export|impact|standings|suggestions|accept|dismiss`. */
export function addLandscapeUse(landscape: Command, io: Io): void {
  talks(
    landscape
      .command('export')
      .description('print the landscape for other tools')
      .option('--ansible', 'as an inventory script of Ansible prints it for --list')
      .option('--csv', 'hosts, a row each')
      .option('--json', 'all of it'),
  ).action(async (options: PrintingOptions & { ansible?: boolean; csv?: boolean; json?: boolean }) => {
    if ([options.ansible, options.csv, options.json].filter(Boolean).length !== 1)
      throw usageError('say in which form: --ansible, --csv or --json');
    await withClient(io, options, async client => {
      if (options.csv) io.out((await client.exportCsv()).text);
      else {
        const value = options.ansible ? await client.exportAnsible() : await client.getLandscape({ query: {} });
        io.out(`${JSON.stringify(value, null, 2)}\n`);
      }
    });
  });

  prints(
    talks(
      landscape
        .command('impact')
        .description('show what stands still with a host, or with one component of it')
        .argument('<what>', 'HOST or COMPONENT@HOST'),
    ),
  ).action(async (what: string, options: PrintingOptions) => {
    const at = what.indexOf('@');
    const query = at < 0 ? { host: what } : { host: what.slice(at + 1), component: what.slice(0, at) };
    const impact = await withClient(io, options, client => client.getImpact({ query }));
    printOne(io, options.output, impact, what, () => {
      const lines = impactLines(impact);
      return lines.length === 0 ? [`Nothing in the landscape needs ${plain(what)}.`] : lines;
    });
  });

  prints(
    talks(
      landscape
        .command('standings')
        .description('list licence and maintenance contracts, and until when systems are supported')
        .argument('[host]'),
    ),
  ).action(async (host: string | undefined, options: PrintingOptions) => {
    const { standings } = await withClient(io, options, client => client.listStandings({ query: { host } }));
    printListing(io, options.output, standingsListing(standings));
  });

  prints(
    talks(
      landscape
        .command('suggestions')
        .description('list connections between hosts that agents saw and no dependency says')
        .option('--dismissed', 'also those that somebody dismissed'),
    ),
  ).action(async (options: PrintingOptions & { dismissed?: boolean }) => {
    const { suggestions } = await withClient(io, options, client =>
      client.listSuggestions({ query: { dismissed: options.dismissed ? 'true' : 'false' } }),
    );
    printListing(io, options.output, suggestionsListing(suggestions));
  });

  prints(
    talks(
      landscape
        .command('accept')
        .description('make a dependency of a suggestion')
        .argument('<id>')
        .option('--from <component>', 'which component calls, where that is not known')
        .option('--to <component>', 'which component is called, where that is not known')
        .requiredOption('--reason <text>', 'why it is one'),
    ),
  ).action(async (id: string, options: PrintingOptions & { from?: string; to?: string; reason: string }) => {
    const { from = null, to = null, reason } = options;
    const done = await withClient(io, options, client =>
      client.acceptSuggestion({ params: { id }, body: { from, to, reason } }),
    );
    printOne(io, options.output, done, String(done.version), () => importedLines(done));
  });

  prints(
    talks(
      landscape
        .command('dismiss')
        .description('say that a connection is no dependency')
        .argument('<id>')
        .requiredOption('--reason <text>', 'why it is none'),
    ),
  ).action(async (id: string, options: PrintingOptions & { reason: string }) => {
    const done = await withClient(io, options, client =>
      client.dismissSuggestion({ params: { id }, body: { reason: options.reason } }),
    );
    printOne(io, options.output, done, done.id, () => [`Dismissed ${plain(done.id)}.`]);
  });
}
