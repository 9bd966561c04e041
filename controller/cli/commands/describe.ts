import { Argument } from 'commander';
import type { Client } from '../../client/client.ts';
import type { AddCommand } from '../cli.ts';
import { CliError, Exit, usageError } from '../exit.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { type Paint, paintFor } from '../output/colour.ts';
import { printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { fields } from '../output/table.ts';
import { openStored, planDigest } from '../plans.ts';
import { withClient } from '../session.ts';
import { bundleLines, outlookLines } from '../views/bundles.ts';
import { planLines } from '../views/plan.ts';
import { signatureLines } from '../views/signatures.ts';
import { hostDetailLines, incidentDetailLines, runDetailLines } from '../views/things.ts';

/** As many as the controller gives at once. */
const MAX_FILES = 10_000;

interface Described {
  value: unknown;
  lines: string[];
}

type Describe = (client: Client, name: string, paint: Paint, wide: boolean) => Promise<Described>;

const KINDS: Readonly<Record<string, Describe>> = {
  host: async (client, name) => {
    const value = await client.getHost({ params: { name } });
    return { value, lines: hostDetailLines(value) };
  },
  bundle: async (client, name) => {
    const outlook = await client.getBundleOutlook({ params: { name } });
    const value = { ...outlook.bundle, next: outlook.next };
    return { value, lines: [...bundleLines(outlook.bundle), '', ...outlookLines(outlook)] };
  },
  component: async (client, name) => {
    const { components } = await client.listComponents();
    return oneOf(components, component => component.name === name, 'component', name);
  },
  cluster: async (client, name) => {
    const { clusters } = await client.listClusters();
    return oneOf(clusters, cluster => cluster.name === name, 'cluster', name);
  },
  signature: async (client, name, _paint, wide) => {
    const is = (one: { product: string; version: string }) => `${one.product}@${one.version}` === name;
    const packages = (await client.listPackages()).signatures.filter(is);
    if (packages.length === 0) return oneOf((await client.listSignatures()).signatures, is, 'signature', name);
    // The same version of another architecture, or of another build, is a signature of its own.
    const query = { limit: wide ? MAX_FILES : 0 };
    const value = await Promise.all(packages.map(({ id }) => client.getPackage({ params: { id }, query })));
    return { value, lines: value.flatMap((one, at) => [...(at > 0 ? [''] : []), ...signatureLines(one, wide)]) };
  },
  plan: async (client, name, paint, wide) => {
    const digest = await planDigest(client, name);
    const value = await client.getPlan({ params: { digest } });
    return { value, lines: planLines(openStored(value, digest), value.approval, { paint, wide }) };
  },
  run: async (client, name, paint) => {
    const value = await client.getRun({ params: { run: name } });
    return { value, lines: runDetailLines(value, { paint }) };
  },
  incident: async (client, name) => {
    if (!/^\d+$/.test(name)) throw missing('incident', name);
    const value = await client.getIncident({ params: { id: Number(name) } });
    return { value, lines: incidentDetailLines(value) };
  },
};

/** `describe`: all that is known of one thing. */
export const addDescribe: AddCommand = (program, { io }) => {
  prints(
    talks(
      program
        .command('describe')
        .description('show all that is known of one thing')
        .addArgument(new Argument('<kind>', 'what it is').choices(Object.keys(KINDS)))
        .argument('<name>', 'its name, number or digest'),
    ),
  ).action(async (kind: string, name: string, options: PrintingOptions) => {
    const describe = KINDS[kind];
    if (!describe) throw usageError(`${plain(kind)} cannot be described`);
    const { value, lines } = await withClient(io, options, client =>
      describe(client, name, paintFor(io), options.output !== 'table' && options.output !== 'name'),
    );
    printOne(io, options.output, value, name, () => lines);
  });
};

function oneOf<T extends object>(all: readonly T[], is: (one: T) => boolean, kind: string, name: string): Described {
  const value = all.find(is);
  if (!value) throw missing(kind, name);
  const pairs = Object.entries(value).map(
    ([key, one]) => [key, Array.isArray(one) ? one.join(', ') : one === null ? null : String(one)] as const,
  );
  return { value, lines: fields(pairs) };
}

const missing = (kind: string, name: string): CliError =>
  new CliError(Exit.error, `there is no ${kind} ${plain(name)}: "tidemark get ${kind}s" lists them`);
