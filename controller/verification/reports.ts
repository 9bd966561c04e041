import { counts, type Difference, type DifferenceGroup, groupDifferences } from './differences.ts';
import type { Looked } from './looking.ts';

export interface DriftReport {
  /** What was looked at. */
  host: string;
  /** What it was held against: `signatures`, a host, or a reference. */
  against: string;
  scannedAt: number;
  againstScannedAt: number | null;
  identical: boolean;
  sentence: string;
  /** Differences that were left out since another release explains them. */
  patches: number;
  groups: DifferenceGroup[];
}

export interface ClusterReport {
  cluster: string;
  members: { host: string; scannedAt: number }[];
  identical: boolean;
  sentence: string;
  patches: number;
  /** Members that are not like most, with what makes them so. */
  outliers: { host: string; groups: DifferenceGroup[] }[];
}

/** Of one fingerprint against another, or against its releases where `against` is null. Pure. */
export function reportOf(own: Looked, against: Looked | null, found: readonly Difference[], patches = 0): DriftReport {
  const counted = found.filter(counts);
  return {
    host: own.label,
    against: against?.label ?? 'signatures',
    scannedAt: own.fingerprint.finishedMs,
    againstScannedAt: against?.fingerprint.finishedMs ?? null,
    identical: counted.length === 0,
    sentence: `${sentenceOf(own.label, against?.label ?? null, counted)}${besides(found, patches)}`,
    patches,
    groups: groupDifferences(found),
  };
}

export function clusterReportOf(
  cluster: string,
  members: readonly Looked[],
  found: ReadonlyMap<string, readonly Difference[]>,
  patches = 0,
): ClusterReport {
  const all = [...found.values()].flat();
  const differing = [...found].filter(([, differences]) => differences.some(counts)).map(([host]) => host);
  const names = differing.join(', ');
  const sentence =
    differing.length === 0
      ? `the ${members.length} members of ${cluster} are identical`
      : `${names} ${differing.length === 1 ? 'differs' : 'differ'} from the other members of ${cluster}`;
  return {
    cluster,
    members: members.map(({ host, fingerprint }) => ({ host, scannedAt: fingerprint.finishedMs })),
    identical: differing.length === 0,
    sentence: `${sentence}${besides(all, patches)}`,
    patches,
    outliers: [...found].flatMap(([host, differences]) =>
      differences.length > 0 ? [{ host, groups: groupDifferences(differences) }] : [],
    ),
  };
}

function sentenceOf(host: string, against: string | null, counted: readonly Difference[]): string {
  if (counted.length === 0) {
    return against ? `${host} and ${against} are identical` : `${host} is as its releases say`;
  }
  const count = counted.length === 1 ? '1 difference' : `${counted.length} differences`;
  const what = against ? `between ${against} and ${host}` : `between ${host} and what it should be`;
  return `${count} ${what}${whereText(counted)}`;
}

/** `, in orders-db`, `: 2 in orders-db, 25 elsewhere`; nothing where all are outside of products. */
function whereText(counted: readonly Difference[]): string {
  const places = [...Map.groupBy(counted, ({ product }) => product)]
    .sort(([a], [b]) => (a === null ? 1 : b === null ? -1 : a < b ? -1 : 1))
    .map(([product, { length }]) => ({ product, length }));
  const [only] = places;
  if (places.length === 1) return only?.product == null ? '' : `, in ${only.product}`;
  return `: ${places.map(({ product, length }) => `${length} ${product === null ? 'elsewhere' : `in ${product}`}`).join(', ')}`;
}

/** What does not count is said all the same. */
function besides(found: readonly Difference[], patches: number): string {
  const waived = found.filter(({ waiver }) => waiver !== undefined).length;
  const parts = [patches > 0 ? `excluding ${patches} of patches` : '', waived > 0 ? `${waived} waived` : ''];
  const said = parts.filter(part => part !== '');
  return said.length > 0 ? ` (${said.join(', ')})` : '';
}
