import type { DryRun } from '@tidemark/shared/orders/dry-run.ts';
import { plain } from '../output/sanitise.ts';
import { type Column, table } from '../output/table.ts';
import { bytes } from '../output/time.ts';

/** What came of one host: neither where its order changes no packages. */
export interface DryRunOf {
  host: string;
  result: DryRun | null;
  error: string | null;
}

/** A dry run as people read it. */
export function dryRunLines({ host, result, error }: DryRunOf): string[] {
  if (error !== null) return [`${plain(host)}: ${plain(error)}`, ''];
  if (result === null) return [`${plain(host)}: the plan changes no packages on it`, ''];
  const { changes, refused, conffiles, restarts } = result;
  const others = new Set(result.others);
  const columns: Column<DryRun['changes'][number]>[] = [
    { title: 'PACKAGE', value: ({ name }) => name },
    { title: 'FROM', value: ({ from }) => from ?? 'new' },
    { title: 'TO', value: ({ to }) => to ?? 'removed' },
    { title: 'FILE', value: ({ downloadBytes }) => size(downloadBytes) },
    { title: 'UNPACKED', value: ({ unpackedBytes }) => size(unpackedBytes) },
    { title: 'LISTED', value: ({ name }) => (others.has(name) ? 'no' : 'yes') },
  ];
  const lines = [
    ...(changes.length > 0 ? table(columns, changes) : []),
    ...refused.map(why => `would be refused: ${plain(why)}`),
    ...conffiles.map(({ path, kept }) => `changed on the server, and ${kept ? 'kept' : 'replaced'}: ${plain(path)}`),
    ...unitLines(
      'on the old files until restarted',
      restarts.filter(({ byBoot }) => !byBoot),
    ),
    ...unitLines(
      'on the old files until a boot',
      restarts.filter(({ byBoot }) => byBoot),
    ),
  ];
  return [`${plain(host)}: ${summary(result)}`, ...lines.map(line => `  ${line}`), ''];
}

function summary({ manager, changes, downloadBytes, unpackedBytes, refused }: DryRun): string {
  if (changes.length === 0)
    return `${plain(manager)} would change nothing${refused.length > 0 ? '' : ': all is so already'}`;
  const packages = `${changes.length} ${changes.length === 1 ? 'package' : 'packages'}`;
  return `${plain(manager)} would change ${packages}, fetch ${bytes(downloadBytes)} and unpack ${bytes(unpackedBytes)}`;
}

const size = (count: number | null): string => (count === null ? '-' : bytes(count));

const unitLines = (what: string, units: DryRun['restarts']): string[] =>
  units.length === 0 ? [] : [`${what}: ${units.map(({ unit }) => plain(unit)).join(', ')}`];
