import type { QueryPage } from '../../api/contract/queries.ts';
import type { Client } from '../../client/client.ts';
import type { AddCommand } from '../cli.ts';
import { usageError } from '../exit.ts';
import { countOption, type PrintingOptions, prints, talks } from '../options.ts';
import { printListing, printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { withClient } from '../session.ts';
import { explainedLines, foundListing, unknownLines } from '../views/queries.ts';
import { standingLines, standingsListing } from '../views/risk.ts';

type QueryOptions = PrintingOptions & {
  fields?: string[];
  limit?: number;
  unknown?: true;
  explain?: string;
  cve?: string;
};

const PAGE = 1_000;

/** `query`: which hosts are so. */
export const addQuery: AddCommand = (program, { io }) => {
  const query = prints(
    talks(
      program
        .command('query')
        .description('list the hosts for which a condition holds')
        .argument('[condition]', 'CEL, like \'host.os.id == "debian"\'; or @NAME of a saved one')
        .option('--fields <field...>', "what to show of each host, like os.version or 'host.packages.size()'")
        .option('--limit <count>', 'so many hosts at most', countOption)
        .option('--unknown', 'list the hosts of which the answer is not known, with why')
        .option('--cve <name>', 'instead of a condition: where hosts stand with a CVE number, or an advisory')
        .option('--explain <host>', 'what each part of the condition comes to for this host'),
    ),
  );
  query.action(async (condition: string | undefined, options: QueryOptions) => {
    if (options.cve !== undefined) {
      if (condition !== undefined) throw usageError('ask by a condition or by --cve, not both');
      const { cve } = options;
      const { advisories, hosts } = await withClient(io, options, client =>
        client.getStandings({ params: { name: cve } }),
      );
      printListing(io, options.output, standingsListing(hosts));
      for (const line of standingLines(advisories, hosts)) io.err(`${line}\n`);
      return;
    }
    if (condition === undefined) throw usageError('say what to ask: tidemark query \'host.os.id == "debian"\'');
    const { explain: host, fields = [] } = options;
    if (host !== undefined) {
      const explained = await withClient(io, options, client =>
        client.explainQuery({ body: { text: condition, host } }),
      );
      printOne(io, options.output, explained, host, () => explainedLines(explained, `${host} is so`));
      return;
    }
    const found = await withClient(io, options, client => allPages(client, condition, fields, options.limit ?? null));
    printListing(io, options.output, foundListing(found.hosts, fields));
    for (const line of unknownLines(found.unknown, options.unknown === true)) io.err(`${line}\n`);
  });

  prints(
    talks(
      query
        .command('save')
        .description('save a condition under a name: "tidemark query @NAME" asks it')
        .argument('<name>', 'letters, digits, ".", "_" or "-"')
        .argument('<text>', 'the condition'),
    ),
  ).action(async (name: string, text: string, options: PrintingOptions) => {
    const saved = await withClient(io, options, client => client.saveQuery({ body: { name, text } }));
    printOne(io, options.output, saved, saved.name, () => [`Saved: "tidemark query @${plain(saved.name)}" asks it.`]);
  });

  prints(talks(query.command('remove').description('forget a saved query').argument('<name>', 'its name'))).action(
    async (name: string, options: PrintingOptions) => {
      const gone = await withClient(io, options, client => client.removeQuery({ params: { name } }));
      printOne(io, options.output, gone, gone.name, () => [`Removed ${plain(gone.name)}.`]);
    },
  );
};

async function allPages(client: Client, text: string, fields: string[], most: number | null) {
  const found: Pick<QueryPage, 'hosts' | 'unknown'> = { hosts: [], unknown: [] };
  let after: string | null = null;
  do {
    const limit: number = most === null ? PAGE : Math.min(PAGE, most - found.hosts.length);
    const page: QueryPage = await client.queryHosts({ body: { text, fields, after, limit } });
    found.hosts.push(...page.hosts);
    found.unknown.push(...page.unknown);
    after = page.next;
  } while (after !== null && (most === null || found.hosts.length < most));
  return found;
}
