import type { SourceKind } from '../harvest/harvested.ts';

/** Best first: what stands behind what is known of a version. */
export const TIERS = ['vendor', 'repository', 'operator', 'peers', 'host'] as const;
export type Tier = (typeof TIERS)[number];

/** A signature as identification needs it: a product version with its list of files. Ids are the library's. */
export interface KnownVersion {
  id: number;
  product: string;
  /** Null where its format knows none. */
  architecture: string | null;
  version: string;
  source: SourceKind;
  /** The best that vouches for it. */
  tier: Tier;
  list: number;
}

/** A version that fits, and what it rests on. */
export interface FittingVersion {
  version: string;
  tier: Tier;
}

/** Trees of one fingerprint, and where they were looked for. */
export interface IdentifiedTrees {
  software: Buffer;
  config: Buffer;
  /** Roots of the profile: absolute paths. */
  roots: readonly string[];
  /** Whether the profile leaves a path out. */
  ignored: (path: Buffer) => boolean;
}

/** What a host's package database says; null where it was not told. */
export interface RegisteredPackages {
  manager: string;
  /** Version by name, of a foreign architecture by `name:architecture`. */
  installed: ReadonlyMap<string, string>;
  /** The architecture of the system, as Node calls it. */
  architecture: string | null;
  truncated: boolean;
}

export const FATES = ['as-in', 'left-over', 'missing', 'modified', 'unread'] as const;
/** What became of a file that is not as the version says. */
export type Fate = (typeof FATES)[number];

export interface FileException {
  /** One character a byte. */
  path: string;
  fate: Fate;
  /** The versions that it is of; empty unless it is as in others, or left over from them. */
  versions: string[];
}

export const STATES = ['complete', 'partial', 'contradicted', 'version-unknown', 'absent', 'left-behind'] as const;
/**
 * complete: all of a version is there, and nothing of another. contradicted: that, but the package database says another version.
 * partial: a mix, or edited. version-unknown: registered in a version that the library does not have. absent: registered, and
 * nothing of it is there. left-behind: not registered, and less than half of any version is there.
 */
export type ProductState = (typeof STATES)[number];

export interface IdentifiedProduct {
  product: string;
  architecture: string | null;
  source: SourceKind;
  state: ProductState;
  /** Those that fit completely: more than one where they cannot be told apart on the disk. */
  versions: FittingVersion[];
  /** What it is held against where none fits. */
  reference: string | null;
  /** What the package database says; null where it has no such package, or was not told. */
  registered: string | null;
  /** Whether the package database should know it. */
  unregistered: boolean;
  /** What the verdict rests on; null where nothing is known of the version. */
  tier: Tier | null;
  /** Files of the version that are there as they should be, of how many that count. */
  matched: number;
  total: number;
  exceptions: FileException[];
  /** Files that lie elsewhere, since somebody diverted them: where they should be, and where they are. */
  diverted: { path: string; to: string }[];
  sentence: string;
}
