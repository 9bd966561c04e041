import { Argument, type Command } from 'commander';
import type { Client } from '../../client/client.ts';
import type { AddCommand } from '../cli.ts';
import { CliError, Exit, usageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { type Format, type Listing, printListing } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { parseSince } from '../output/since.ts';
import { withClient } from '../session.ts';
import { bundlesListing, ringsListing } from '../views/bundles.ts';
import { changesListing } from '../views/changes.ts';
import { versionsListing } from '../views/identification.ts';
import {
  baselinesListing,
  clustersListing,
  componentsListing,
  fingerprintsListing,
  hostsListing,
  incidentsListing,
  plansListing,
  runsListing,
  tokensListing,
} from '../views/listings.ts';
import { groupsListing, queriesListing } from '../views/queries.ts';
import { knownListing, knownRelease } from '../views/signatures.ts';

type GetOptions = PrintingOptions & { state: 'open' | 'resolved' | 'all'; product?: string; since?: number };
type Print = (io: Io, format: Format, kind: string, names: readonly string[]) => void;
type Kind = (client: Client, options: GetOptions, names: readonly string[]) => Promise<Print>;

const DAY_MS = 86_400_000;

/** Each kind of thing that can be listed. */
const KINDS: Readonly<Record<string, Kind>> = {
  hosts: async client => printing(hostsListing((await client.listHosts()).hosts)),
  components: async client => printing(componentsListing((await client.listComponents()).components)),
  clusters: async client => printing(clustersListing((await client.listClusters()).clusters)),
  bundles: async client => printing(bundlesListing((await client.listBundles()).bundles)),
  rings: async client => printing(ringsListing((await client.listRings()).rings)),
  plans: async client => printing(plansListing((await client.listPlans()).plans)),
  runs: async client => printing(runsListing((await client.listRuns()).runs)),
  incidents: async (client, { state }) =>
    printing(incidentsListing((await client.listIncidents({ query: { state } })).incidents)),
  signatures: async client => {
    const [releases, packages] = [await client.listSignatures(), await client.listPackages()];
    return printing(knownListing([...releases.signatures.map(knownRelease), ...packages.signatures]));
  },
  versions: async (client, { product }) => {
    if (product === undefined) throw usageError('say of which product: tidemark get versions --product NAME');
    const { known, hosts } = await client.listVersions({ query: { product } });
    if (known.length === 0 && hosts.length === 0)
      throw new CliError(
        Exit.error,
        `nothing is known of a product ${plain(product)}: "tidemark get signatures" lists those that are known`,
      );
    return printing(versionsListing(product, hosts));
  },
  queries: async client => printing(queriesListing((await client.listQueries()).queries)),
  groups: async client => printing(groupsListing((await client.listGroups()).groups)),
  baselines: async client => printing(baselinesListing((await client.listBaselines()).baselines)),
  tokens: async client => printing(tokensListing((await client.listApiTokens()).tokens)),
  changes: async (client, { since = Date.now() - DAY_MS }, hosts) => {
    const [name, another] = hosts;
    if (name === undefined || another !== undefined)
      throw usageError('say of which host: tidemark get changes HOST --since Friday');
    const changes = await client.listChanges({ params: { name }, query: { since: new Date(since).toISOString() } });
    return (io, format) => printListing(io, format, changesListing(changes));
  },
  fingerprints: async (client, _options, hosts) => {
    if (hosts.length === 0) throw usageError('say of which hosts: tidemark get fingerprints HOST...');
    const lists = await Promise.all(hosts.map(name => client.listFingerprints({ params: { name } })));
    const listing = fingerprintsListing(lists.flatMap(list => list.fingerprints));
    return (io, format) => printListing(io, format, listing);
  },
};

/** `get`: lists of things. */
export const addGet: AddCommand = (program: Command, { io }) => {
  prints(
    talks(
      program
        .command('get')
        .description('list things')
        .addArgument(new Argument('<kind>', 'what to list').choices(Object.keys(KINDS)))
        .argument('[names...]', 'only these; for changes, fingerprints and versions the hosts that they are of')
        .option('--product <name>', 'of versions: the product')
        .option(
          '--since <moment>',
          'of changes: Friday, yesterday, 2d, 2026-11-27; a day ago where it is left out',
          sinceOption,
        )
        .option('--state <state>', 'of incidents: open, resolved or all', stateOption, 'open'),
    ),
  ).action(async (kind: string, names: string[], options: GetOptions) => {
    const list = KINDS[kind];
    if (!list) throw usageError(`${plain(kind)} cannot be listed`);
    const print = await withClient(io, options, client => list(client, options, names));
    print(io, options.output, kind, names);
  });
};

const printing =
  <T>(listing: Listing<T>): Print =>
  (io, format, kind, names) => {
    if (names.length === 0) {
      printListing(io, format, listing);
      return;
    }
    const rows = listing.rows.filter(row => names.includes(listing.name(row)));
    const known = new Set(rows.map(listing.name));
    const missing = names.filter(name => !known.has(name));
    if (rows.length > 0) printListing(io, format, { ...listing, rows });
    if (missing.length > 0)
      throw new CliError(
        Exit.error,
        `there is no ${missing.map(plain).join(', ')} among the ${kind}: "tidemark get ${kind}" lists them all`,
      );
  };

function sinceOption(text: string): number {
  const since = parseSince(text, Date.now());
  if (since === null)
    throw usageError(
      '--since is a day (Friday, yesterday, 2026-11-27), a moment (2026-11-27T20:00Z) or how long ago (2d)',
    );
  return since;
}

function stateOption(text: string): string {
  if (text !== 'open' && text !== 'resolved' && text !== 'all') throw usageError('--state is open, resolved or all');
  return text;
}
