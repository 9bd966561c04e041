import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import type { Argv } from './command.ts';
import type { InstalledPackage, PackageManager, VersionChange } from './os-package.ts';
import type { PackageFailure } from './os-package-problems.ts';
import type { ToolEnd } from './os-package-tool.ts';
import type { LockHolder } from './package-locks.ts';

/**
 * What is particular to a package manager that installs from files: dnf, zypper, pacman, apk. All that they have in
 * common (what is refused, order of events, digests, what is remembered) is in file-packages.ts.
 */
export interface PackageBackend {
  readonly manager: PackageManager;
  /** Server path. */
  readonly databaseDirectory: string;
  /** Endings that this manager gives configuration files that are not in use: the package's, and the server's. */
  readonly endings: { fresh: string; old: string };

  look(): Promise<BackendState>;
  updates(): Promise<ReadonlyMap<string, string>>;
  /** Null where nobody works with the packages. */
  lockHolder(): LockHolder | null;
  /** It ended because somebody else works with the packages. */
  saysLocked(end: ToolEnd): boolean;
  /** A lock, or another mark, that a process has left which is not there any more: server paths. */
  staleMarks(): string[];

  refresh(): Argv;
  /** Of {@link refresh}: what could not be fetched; empty where all went well. */
  refreshProblems(end: ToolEnd): string[];

  /** What it would do to bring these about: nothing has changed yet. Throws an OsPackageProblem. */
  resolve(wanted: readonly Wanted[]): Promise<Resolution>;
  /** One version as a repository has it; null where none has. */
  find(exact: ExactPackage): Promise<PlannedPackage | null>;
  /** By the name of a package's file. An architecture that is null is any. */
  isFileOf(file: string, exact: Pick<ExactPackage, 'name' | 'version' | 'architecture'>): boolean;
  /** Puts the packages' files into the directory (server path). `again`: they are installed in this version. */
  fetch(planned: readonly PlannedPackage[], directory: string, again: boolean): Promise<ToolEnd>;
  /** Upgrade, downgrade and installation from files (server paths), and from nothing else. */
  apply(files: readonly string[]): Argv;
  /** The same version once more, with its scripts. */
  again(files: readonly string[]): Argv | Promise<Argv>;

  /** What goes where these go. Throws an OsPackageProblem. */
  resolveRemoval(names: readonly string[]): Promise<VersionChange[]>;
  remove(names: readonly string[]): Argv;

  /** Configuration of installed packages that is not as they brought it: server paths. */
  changedConffiles(names: readonly string[]): Promise<string[]>;
  /** A line for each file of installed packages; others among them count for nothing. */
  filesOf(names: readonly string[]): Promise<string[]>;

  readonly cleaning: {
    /** Directories of what it has downloaded by itself: server paths. */
    caches: readonly string[];
    /** Removes that, and no lists. Null where nothing is kept. */
    clear(): Argv | null;
    /** Of the kernels that it keeps side by side those that its own rules let go; left out where it keeps one only. */
    removableKernels?(): Promise<RemovableKernel[]>;
  };

  mark(as: 'hold' | 'unhold', names: readonly string[]): Promise<ToolEnd>;
  /** What has to be noted before packages change; what comes back puts right what this manager does beside it. */
  beforeChange?(): Promise<() => Promise<void>>;
  /** Takes away what an interrupted change has left in the database: an old version beside the new one. */
  removeLeftovers?(state: BackendState): Promise<ToolEnd | null>;

  /** Whether its exit status says that it did what it was told; scripts that failed are no matter of it. */
  succeeded(end: ToolEnd): boolean;
  failures(text: string): PackageFailure[];
  /** Files of configuration that it left in another form beside the one in use. */
  conffiles(text: string): { path: string; other: string; kept: boolean }[];
  /** Its last words of error. */
  errors(text: string): string;
  /** The same version always written in the same way: without an epoch that is zero. */
  normal(version: string): string;
}

export interface RemovableKernel {
  name: string;
  version: string;
  /** What removes this version and no other. */
  spec: string;
}

export interface BackendState {
  /** By name; of several versions of one package the newest last. */
  all: InstalledPackage[];
  /** The server's own architecture. */
  native: string;
}

export interface Wanted {
  exact: ExactPackage;
  /** A file of exactly this version that was fetched before (server path); null where there is none. */
  file: string | null;
}

export interface PlannedPackage {
  name: string;
  architecture: string;
  version: string;
  /** Name of the package's file. */
  file: string;
  /** What its manager fetches it by. */
  spec: string;
  downloadBytes: number;
  unpackedBytes: number;
}

export interface Resolution {
  planned: PlannedPackage[];
  removals: VersionChange[];
}

/** Packages without an architecture, as the managers call that. */
const NEUTRAL: ReadonlySet<string> = new Set(['noarch', 'any', 'all']);

/** `openssl-libs`, and `openssl-libs:i686` where it is foreign. */
export function keyOf({ name, architecture }: { name: string; architecture: string | null }, native: string): string {
  return architecture === null || NEUTRAL.has(architecture) || architecture === native
    ? name
    : `${name}:${architecture}`;
}
