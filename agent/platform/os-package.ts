import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';

/**
 * The server's own package manager. Every implementation passes os-package.conformance.ts:
 *
 * - what is listed is afterwards there in exactly the version that is listed, older or newer, or a {@link PackageProblem}
 *   says why not; what is so already is left alone;
 * - nothing that is not listed changes unless `others` allows it, and nothing is ever removed to make room for something;
 * - what can be refused is refused before anything changes: versions that no repository has, packages that are held,
 *   files that are not what their digest says, disks that are too full;
 * - nothing asks a question, and configuration that was changed on the server stays unless it is told otherwise;
 * - a manager that is busy is waited for, and named where it takes too long;
 * - what was cut off is finished first.
 */
export interface OsPackages {
  readonly manager: PackageManager;
  /** Everything that is, also half, on the server; by name. */
  installed(): Promise<InstalledPackage[]>;
  /** Newer versions that the repositories offer, as far as the lists that are there know: by name. */
  updates(): Promise<ReadonlyMap<string, string>>;
  pending(): Promise<PendingState>;
  /** Fetches the lists of all repositories; one that cannot be had is a problem. */
  refresh(wait: Waiting): Promise<void>;
  /** What {@link change} will need, and whether it can be done at all: throws what it would throw. */
  need(request: Pick<ChangeRequest, 'packages' | 'others' | 'mode'>): Promise<SizedNeed>;
  /** What goes, and changes, where these go. Throws where that cannot be. */
  removal(names: readonly string[]): Promise<VersionChange[]>;
  /** Configuration of these packages that was changed on this server: server paths. */
  changedConffiles(names: readonly string[]): Promise<string[]>;
  /** What these packages have put on this server: server paths. */
  filesOf(names: readonly string[]): Promise<string[]>;
  /** Fetches and verifies; nothing is installed. `back` are versions to return to. */
  download(request: DownloadRequest): Promise<DownloadOutcome>;
  /** Upgrade, downgrade or installation. */
  change(request: ChangeRequest): Promise<ChangeOutcome>;
  /** Keeps configuration. Names that are not there are left out of the outcome. */
  remove(request: RemoveRequest): Promise<VersionChange[]>;
  /** The names that were not held before. */
  hold(names: readonly string[]): Promise<string[]>;
  /** The names that were held before. */
  unhold(names: readonly string[]): Promise<string[]>;
  /** Finishes what was cut off; the names that are well now and were not. Throws where something is left. */
  repair(wait: Waiting): Promise<string[]>;
  /** Null where nothing that is kept here can be let go of. */
  readonly cleaning: PackageCleaning | null;
}

/** What a manager keeps beside what is in use. */
export interface PackageCleaning {
  /** Directories of what it has downloaded: server paths. */
  readonly caches: readonly string[];
  /** Removes downloads that can be had again. The lists of the repositories stay. */
  clearCache(wait: Waiting): Promise<void>;
  /**
   * Removes kernels, and gives what went. The one that runs stays, and so do the `keep` newest and all that the manager's own
   * rules keep. Where something else would go with them nothing does.
   */
  removeOldKernels(keep: number, wait: Waiting): Promise<VersionChange[]>;
}

export type PackageManager = 'apt' | 'dnf' | 'zypper' | 'pacman' | 'apk' | 'windows';

export interface InstalledPackage {
  name: string;
  architecture: string;
  version: string;
  /** Its owner has said that it stays as it is. */
  held: boolean;
  /** `installed` where all is well, else the manager's own word: `half-configured`. */
  state: string;
  /** What it was built from; its own name where that is left out. */
  source?: string | undefined;
  sourceVersion?: string | undefined;
  /** Who made it, as far as the manager says. */
  origin?: string;
}

/** What a manager has left undone, or does at the moment. */
export interface PendingState {
  /** It was cut off while it wrote its database. */
  interrupted: boolean;
  broken: { name: string; state: string }[];
  lockedBy: { pid: number; name: string } | null;
}

export interface Waiting {
  /** How long another package manager may go on. */
  lockWaitMs: number;
}

export interface ChangeRequest extends Waiting {
  packages: readonly ExactPackage[];
  conffiles: 'keep' | 'replace';
  /** Packages that are not listed and would change too. */
  others: 'refuse' | 'allow';
  /** `upgrade` takes only what is on the server already. */
  mode: 'upgrade' | 'install';
}

export interface RemoveRequest extends Waiting {
  names: readonly string[];
  /** Packages that are not listed and would go too. */
  others: 'refuse' | 'allow';
}

export interface DownloadRequest extends Omit<ChangeRequest, 'conffiles'> {
  back: readonly ExactPackage[];
}

export interface VersionChange {
  name: string;
  /** Null where it was, or is, not there. */
  from: string | null;
  to: string | null;
}

export interface ChangeNeed {
  changes: VersionChange[];
  /** Bytes still to be fetched. */
  downloadBytes: number;
  /** Bytes of the new versions, unpacked beside the old ones. */
  unpackedBytes: number;
}

export interface SizedNeed extends ChangeNeed {
  /** Of what comes, by name. */
  sizes: ReadonlyMap<string, PackageSize>;
}

export interface PackageSize {
  downloadBytes: number;
  unpackedBytes: number;
}

export interface DownloadOutcome extends ChangeNeed {
  /** Of `back`: `demo-svc 1.0`, which no repository has any more. */
  noWayBack: string[];
}

export interface ChangeOutcome {
  changes: VersionChange[];
  /** Those of them that were not listed. */
  others: string[];
  /** Listed and so already. */
  unchanged: string[];
  /** Configuration that differed from the package's. */
  conffiles: ConffileReport[];
}

export interface ConffileReport {
  /** Server path. */
  path: string;
  /** False where the package's took its place. */
  kept: boolean;
  /** Where the one that is not in use lies, where it does: `/etc/x.conf.dpkg-dist`. */
  other: string | null;
}

/** What kept a package manager from doing as it was told. */
export type PackageProblemCode =
  | 'locked'
  | 'held'
  | 'not-installed'
  | 'unavailable'
  | 'others'
  | 'wrong-digest'
  | 'no-space'
  | 'script-failed'
  | 'broken'
  | 'refresh-failed'
  | 'failed';

/** The message says what happened, to what, and what to do next. */
export class OsPackageProblem extends Error {
  override name = 'OsPackageProblem';
  readonly code: PackageProblemCode;
  readonly facts: Record<string, unknown>;

  constructor(code: PackageProblemCode, message: string, facts: Record<string, unknown> = {}) {
    super(message);
    this.code = code;
    this.facts = { problem: code, ...facts };
  }
}

/** `demo-svc 1.0 -> 1.1, libdemo 2 (new), old 1 (removed)`. */
export function describeChanges(changes: readonly VersionChange[], most = 8): string {
  const shown = changes.slice(0, most).map(({ name, from, to }) => {
    if (from === null) return `${name} ${to} (new)`;
    return to === null ? `${name} ${from} (removed)` : `${name} ${from} -> ${to}`;
  });
  const more = changes.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}
