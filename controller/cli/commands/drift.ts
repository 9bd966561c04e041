import { Option } from 'commander';
import type { ClusterReport, DriftReport } from '../../api/contract/fingerprints.ts';
import type { Client } from '../../client/client.ts';
import type { AddCommand } from '../cli.ts';
import { CliError, Exit, usageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { durationOption, momentOption, type TalkingOptions, talks } from '../options.ts';
import { paintFor } from '../output/colour.ts';
import { FORMATS, type Format, printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { parseDuration } from '../output/time.ts';
import { allKnown, settle } from '../scans.ts';
import { withClient } from '../session.ts';
import { clusterLines, driftLines } from '../views/drift.ts';
import { clusterCsv, driftCsv } from '../views/drift-csv.ts';
import { clusterHtml, driftHtml } from '../views/drift-html.ts';

interface DriftOptions extends TalkingOptions {
  plane: 'software' | 'config' | 'all';
  cluster?: string;
  baseline?: string;
  since?: string;
  excludingPatches?: true;
  files?: true;
  audit?: string[];
  wait: number;
  output: Format | 'csv' | 'html';
}

type Answer = { of: 'host'; report: DriftReport } | { of: 'cluster'; report: ClusterReport };

const WHAT = `
What is compared is a HOST as it was scanned last, HOST@2026-03-21T22:00:00Z as it was then, HOST@3f2a91c0 one fingerprint
by its id, or baseline:NAME. One host alone is held against what its products should be.

With --audit both hosts read these paths again, now, and answer with digests under a nonce that nobody knew before: what
they send cannot have been prepared. Files that not everybody on a server may read are left out, and said to be.`;

/** `drift`: what differs, and why. */
export const addDrift: AddCommand = (program, { io, finish }) => {
  talks(
    program
      .command('drift')
      .description('show how the second differs from the first, or one host from what it should be')
      .argument('[reference]', 'the host, or what the other is held against')
      .argument('[other]', 'what is looked at')
      .option('--cluster <name>', 'the members of a cluster against each other')
      .option('--baseline <name>', 'the host against a baseline')
      .option('--since <time>', 'the host against itself then: a time, or how long ago, like 3d')
      .option('--excluding-patches', 'leave out what another release explains')
      .option('--audit <path...>', 'let two hosts read these paths now, and compare that')
      .addOption(
        new Option('--wait <duration>', 'how long to wait for an audit')
          .argParser(durationOption)
          .default(600_000, '10m'),
      )
      .option('--files', 'list every file, not only the first of each cause')
      .addOption(new Option('--plane <plane>', 'what to compare').choices(['software', 'config', 'all']).default('all'))
      .addOption(
        new Option('-o, --output <format>', 'how to print').choices([...FORMATS, 'csv', 'html']).default('table'),
      )
      .addHelpText('after', WHAT),
  ).action(async (reference: string | undefined, other: string | undefined, options: DriftOptions) => {
    const ask =
      options.audit === undefined
        ? questionOf(reference, other, options, () => io.clock.now())
        : auditOf([reference, other], options.audit, options, io);
    const answer = await withClient(io, options, ask);
    const { report } = answer;
    const view = { paint: paintFor(io), wide: options.output === 'wide', files: options.files === true };
    if (options.output === 'csv') io.out(answer.of === 'host' ? driftCsv(answer.report) : clusterCsv(answer.report));
    else if (options.output === 'html')
      io.out(answer.of === 'host' ? driftHtml(answer.report) : clusterHtml(answer.report));
    else {
      printOne(io, options.output, report, report.identical ? 'identical' : 'different', () =>
        answer.of === 'host' ? driftLines(answer.report, view) : clusterLines(answer.report, view),
      );
    }
    finish(report.identical ? Exit.ok : Exit.differences);
  });
};

/** Asks two hosts to read paths now, waits for both, and compares what they say. */
function auditOf(
  references: readonly (string | undefined)[],
  paths: string[],
  { cluster, baseline, since, excludingPatches, plane, wait }: DriftOptions,
  io: Io,
): (client: Client) => Promise<Answer> {
  const hosts = references.filter(reference => reference !== undefined);
  const others = [cluster, baseline, since, excludingPatches].filter(way => way !== undefined);
  if (hosts.length !== 2 || others.length > 0) {
    throw usageError('an audit compares two hosts: tidemark drift HOST HOST --audit PATH');
  }
  const relative = paths.find(path => !/^\/./.test(path));
  if (relative !== undefined) throw usageError(`${relative} is no absolute path below /`);
  return async client => {
    await allKnown(client, hosts);
    const { scans } = await client.auditHosts({ body: { hosts, paths } });
    const ended = await settle(io, client, scans, wait);
    const failed = ended.find(({ fingerprint }) => fingerprint === null);
    if (failed) throw new CliError(Exit.error, `${plain(failed.host)} did not do the audit: ${plain(failed.message)}`);
    const [a = '', b = ''] = ended.map(({ host, fingerprint }) => `${host}@${fingerprint}`);
    const query = { a, b, plane, excluding: 'nothing' as const };
    return { of: 'host', report: await client.compareHosts({ query }) };
  };
}

function questionOf(
  reference: string | undefined,
  other: string | undefined,
  { cluster, baseline, since, plane, excludingPatches }: DriftOptions,
  now: () => number,
): (client: Client) => Promise<Answer> {
  const excluding = excludingPatches ? ('patches' as const) : ('nothing' as const);
  const between = (a: string, b: string) => async (client: Client) => ({
    of: 'host' as const,
    report: await client.compareHosts({ query: { a, b, plane, excluding } }),
  });
  const ways = [cluster, baseline, since, other].filter(way => way !== undefined);
  if (ways.length > 1) throw usageError('give one of a second host, --cluster, --baseline and --since');
  if (cluster !== undefined) {
    if (reference !== undefined) throw usageError('a cluster is compared as a whole: leave the host out');
    return async client => ({
      of: 'cluster',
      report: await client.compareCluster({ params: { name: cluster }, query: { plane, excluding } }),
    });
  }
  if (reference === undefined) throw usageError('say what to look at: a host, two, or --cluster NAME');
  if (baseline !== undefined) return between(`baseline:${baseline}`, reference);
  if (since !== undefined) return between(`${reference}@${timeOf(since, now)}`, reference);
  if (other !== undefined) return between(reference, other);
  if (excludingPatches) throw usageError('--excluding-patches compares two hosts, or a host with itself');
  return async client => ({ of: 'host', report: await client.driftOfHost({ params: { name: reference } }) });
}

/** ISO text of a moment, or of so long ago. */
function timeOf(since: string, now: () => number): string {
  const ago = parseDuration(since);
  return new Date(ago === null ? momentOption(now)(since) : now() - ago).toISOString();
}
