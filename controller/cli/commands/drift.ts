import { Option } from 'commander';
import type { ClusterReport, DriftReport } from '../../api/contract/fingerprints.ts';
import type { Client } from '../../client/client.ts';
import type { AddCommand } from '../cli.ts';
import { Exit, usageError } from '../exit.ts';
import { momentOption, type TalkingOptions, talks } from '../options.ts';
import { paintFor } from '../output/colour.ts';
import { FORMATS, type Format, printOne } from '../output/format.ts';
import { parseDuration } from '../output/time.ts';
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
  output: Format | 'csv' | 'html';
}

type Answer = { of: 'host'; report: DriftReport } | { of: 'cluster'; report: ClusterReport };

const WHAT = `
What is compared is a HOST as it was scanned last, HOST@2026-03-21T22:00:00Z as it was then, HOST@3f2a91c0 one fingerprint
by its id, or baseline:NAME. One host alone is held against what its products should be.`;

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
      .option('--files', 'list every file, not only the first of each cause')
      .addOption(new Option('--plane <plane>', 'what to compare').choices(['software', 'config', 'all']).default('all'))
      .addOption(
        new Option('-o, --output <format>', 'how to print').choices([...FORMATS, 'csv', 'html']).default('table'),
      )
      .addHelpText('after', WHAT),
  ).action(async (reference: string | undefined, other: string | undefined, options: DriftOptions) => {
    const ask = questionOf(reference, other, options, () => io.clock.now());
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
