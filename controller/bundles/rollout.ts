import { familyOf } from '@tidemark/shared/orders/kinds/package.ts';
import { type PackageFamily, VERSION_ORDER } from '@tidemark/shared/versions/package-family.ts';
import { compareReleaseVersions } from '@tidemark/shared/versions/release.ts';
import type { Bundle } from './ports.ts';

/*
 * Which bundle is where, by what is on the servers and not by what was ordered. A bundle concerns a server that has one of
 * its products, in whatever version.
 */

/** A product on a server, as its files or its package database say. */
export interface ProductOnHost {
  host: string;
  /** All of a version is there; false where only a part is, or something was changed. */
  complete: boolean;
  /** By its files; more than one where they cannot be told apart, none where it is not known. */
  versions: readonly string[];
  /** By the package database; null where that has no such package, or there is none. */
  registered: string | null;
}

/**
 * What a verdict on a product's files comes to here. What is there in part is that much, whatever the package database says;
 * what is absent is not there at all.
 */
export function seenOnHost(verdict: {
  host: string;
  state: 'complete' | 'partial' | 'contradicted' | 'version-unknown' | 'absent' | 'left-behind';
  versions: readonly string[];
  registered: string | null;
}): ProductOnHost {
  const { host, state, versions, registered } = verdict;
  const isPartOf = state === 'partial' && versions.length === 0 && registered !== null;
  return {
    host,
    complete: state === 'complete' || state === 'contradicted',
    versions: isPartOf ? [registered] : versions,
    registered: state === 'absent' ? null : registered,
  };
}

/** One of a bundle's products, as it should be. */
export interface Wanted {
  /** Null: a release that Tidemark installs. */
  family: PackageFamily | null;
  product: string;
  version: string;
  /** Null: the server's own, or none in particular. */
  architecture: string | null;
  /** What it answers, where somebody said so of it alone. */
  advisories: readonly string[];
}

export type CellState =
  /** All that concerns the server is there as the bundle brings it, or newer. */
  'deployed' | 'overtaken' | 'partly' | 'missing';

export interface RolloutCell {
  bundle: string;
  host: string;
  state: CellState;
  /** How many of the bundle's products the server has as the bundle brings them, of how many that it has at all. */
  there: number;
  of: number;
  /** What it has not: `openssl 3.0.14, not 3.0.15 (DSA-5678-1)`. */
  lacks: string[];
  /** What the products that it lacks would answer. Sorted. */
  unanswered: string[];
  /** Where files say so of none of them: the word of the package database. */
  byFiles: boolean;
}

export const wantedOf = ({ releases, packages }: Pick<Bundle, 'releases' | 'packages'>): Wanted[] => [
  ...releases.map(({ product, version }) => ({
    ...{ family: null, product, version, architecture: null },
    advisories: [],
  })),
  ...packages.map(exact => ({
    ...{ family: familyOf(exact), product: exact.name, version: exact.version },
    ...{ architecture: exact.architecture, advisories: exact.advisories ?? [] },
  })),
];

/** What servers have of a bundle. `seen` gives the servers that have a product. Servers without any are left out. */
export function rolloutOf(
  bundle: Pick<Bundle, 'name' | 'releases' | 'packages'>,
  seen: (wanted: Wanted) => readonly ProductOnHost[],
): RolloutCell[] {
  const cells = new Map<string, RolloutCell & { newer: number }>();
  for (const wanted of wantedOf(bundle)) {
    for (const found of seen(wanted)) {
      const cell = cells.get(found.host) ?? emptyCell(bundle.name, found.host);
      cells.set(found.host, cell);
      const standing = standingOf(wanted, found);
      cell.of += 1;
      if (found.versions.length > 0) cell.byFiles = true;
      if (standing === 'there') cell.there += 1;
      else if (standing === 'newer') cell.newer += 1;
      else {
        const answers = wanted.advisories.length === 0 ? '' : ` (${wanted.advisories.join(', ')})`;
        cell.lacks.push(`${wanted.product} ${hasWords(found)}, not ${wanted.version}${answers}`);
        cell.unanswered.push(...wanted.advisories);
      }
    }
  }
  return [...cells.values()].map(({ newer, unanswered, ...cell }) => ({
    ...{ ...cell, state: stateOf({ ...cell, newer }) },
    unanswered: [...new Set(unanswered)].sort(),
  }));
}

const emptyCell = (bundle: string, host: string) => ({
  ...{ bundle, host, state: 'missing' as CellState, there: 0, of: 0, newer: 0 },
  ...{ lacks: [] as string[], unanswered: [] as string[], byFiles: false },
});

function stateOf({ there, of, newer }: { there: number; of: number; newer: number }): CellState {
  if (there === of) return 'deployed';
  if (there + newer === of) return 'overtaken';
  return there + newer > 0 ? 'partly' : 'missing';
}

/** Files count where they say anything; of those that cannot be told apart the package database may say which. */
function standingOf({ family, version }: Wanted, { complete, versions, registered }: ProductOnHost) {
  const known = versions.length > 0 ? versions : registered === null ? [] : [registered];
  if (known.includes(version)) return complete || versions.length === 0 ? 'there' : 'other';
  const order = family === null ? compareReleaseVersions : VERSION_ORDER[family];
  const isNewer = known.length > 0 && known.every(each => order(each, version) > 0);
  return isNewer && (complete || versions.length === 0) ? 'newer' : 'other';
}

function hasWords({ complete, versions, registered }: ProductOnHost): string {
  if (versions.length === 0) return registered ?? 'in an unknown version';
  return `${versions.join(' or ')}${complete ? '' : ' in part'}`;
}

/** Servers that lack an older bundle and have a newer one that brings the same: what was passed over. */
export function passedOver(
  cells: readonly RolloutCell[],
  bundles: readonly Pick<Bundle, 'name' | 'createdAt'>[],
): { host: string; bundle: string; newer: string; lacks: string[] }[] {
  const made = new Map(bundles.map(({ name, createdAt }) => [name, createdAt]));
  const at = (cell: RolloutCell) => made.get(cell.bundle) ?? 0;
  const byHost = Map.groupBy(cells, ({ host }) => host);
  return [...byHost].flatMap(([host, own]) =>
    own
      .filter(({ state }) => state === 'missing' || state === 'partly')
      .flatMap(cell => {
        const newer = own
          .filter(other => at(other) > at(cell) && other.state === 'deployed')
          .sort((a, b) => at(a) - at(b))[0];
        return newer ? [{ host, bundle: cell.bundle, newer: newer.bundle, lacks: cell.lacks }] : [];
      }),
  );
}
