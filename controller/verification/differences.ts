import type { Plane } from '@tidemark/shared/fingerprint/profile.ts';

/** Why something differs, worst first: reports are in this order. The words are those of the API. */
export const DRIFT_CLASSES = [
  'partial-patch',
  'not-loaded',
  'patch-skew',
  'missing-packaged',
  'modified-packaged',
  'unmanaged-executable',
  'must-differ-violation',
  'config-drift',
  'meta-drift',
  'unmanaged-data',
  'unstable',
  'unscanned',
  'generated',
  'config-expected',
] as const;
export type DriftClass = (typeof DRIFT_CLASSES)[number];

export interface Difference {
  class: DriftClass;
  /** Null where no known product owns the file. */
  product: string | null;
  /** The version that says what is expected; null where none does. */
  version: string | null;
  plane: Plane;
  /** Text as shared/fingerprint/path.ts makes it. */
  path: string;
  /** Digest, or what else should be there; null where nothing should. */
  expected: string | null;
  found: string | null;
  /** One sentence: why it is of this class. */
  note: string;
  /** Another release explains it: it does not count where hosts are compared "excluding patches". */
  isPatch?: true;
  /** The id of the waiver that covers it. */
  waiver?: string;
}

export interface DifferenceGroup {
  cause: string;
  class: DriftClass;
  product: string | null;
  entries: Difference[];
}

const CAUSES: Record<DriftClass, string> = {
  'partial-patch': 'a patch was not deployed completely',
  'not-loaded': 'what was replaced is still running',
  'patch-skew': 'another version is deployed',
  'missing-packaged': 'files of a release are missing',
  'modified-packaged': 'files of a release were modified',
  'unmanaged-executable': 'programs that belong to no known release',
  'must-differ-violation': 'what each host must have of its own is the same',
  'config-drift': 'configuration differs',
  'meta-drift': 'mode or owner differs',
  'unmanaged-data': 'files that belong to no known release',
  unstable: 'files that changed whenever they were read',
  unscanned: 'what the scan could not read',
  generated: 'files that hosts make themselves',
  'config-expected': 'configuration that may differ between hosts',
};

/** By cause, then product; inside by path. */
export function groupDifferences(differences: readonly Difference[]): DifferenceGroup[] {
  const groups = new Map<string, DifferenceGroup>();
  for (const difference of differences) {
    const key = `${difference.class}\0${difference.product ?? ''}`;
    const group = groups.get(key) ?? {
      cause: CAUSES[difference.class],
      class: difference.class,
      product: difference.product,
      entries: [],
    };
    group.entries.push(difference);
    groups.set(key, group);
  }
  for (const { entries } of groups.values()) entries.sort((a, b) => compareText(a.path, b.path));
  return [...groups.values()].sort(
    (a, b) =>
      DRIFT_CLASSES.indexOf(a.class) - DRIFT_CLASSES.indexOf(b.class) || compareText(a.product ?? '', b.product ?? ''),
  );
}

const EXPECTED: ReadonlySet<DriftClass> = new Set(['config-expected', 'generated']);

/** Whether it makes two hosts different: what a profile expects, or somebody answers for, does not. */
export const counts = ({ class: kind, waiver }: Difference): boolean => !EXPECTED.has(kind) && waiver === undefined;

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
