/** A path of the server, and where it lies for this agent. */
export interface SnapshotTarget {
  path: string;
  at: string;
}

/** What is kept of one path. */
export interface Kept {
  path: string;
  /** False: it was not there, and putting it back means taking away what is there now. */
  there: boolean;
  /** What the method finds it by. */
  reference: string;
  /** What putting it back takes. */
  bytes: number;
}

export interface Taken {
  kept: Kept[];
  files: number;
  bytes: number;
  /** Sockets, pipes and devices: they have no content to keep. */
  left: number;
}

/**
 * A way to keep what a patch will change. Every implementation passes snapshot.conformance.ts:
 *
 * - `create` looks whether there is room first, and leaves nothing behind where it fails; what an attempt before it left
 *   that was cut off does not hinder it;
 * - `discard` takes away whatever an attempt to make a snapshot of that name left that was cut off, or that nobody has
 *   vouched for;
 * - `revert` puts one path back with contents, modes, owners and links, all of it or nothing of it as far as the file
 *   system can, and takes away what was not there;
 * - `remove` frees the space; that some or all of it is gone already, also by an attempt that was cut off, is no error;
 * - what goes wrong for a reason that it understands is a {@link SnapshotProblem}, which says what to do.
 */
export interface SnapshotMethod {
  readonly method: string;
  create(name: string, targets: readonly SnapshotTarget[]): Promise<Taken>;
  discard(name: string, targets: readonly SnapshotTarget[]): Promise<void>;
  revert(kept: Kept, target: SnapshotTarget): Promise<void>;
  remove(kept: readonly Kept[]): Promise<void>;
}

/** A snapshot that cannot be made, put back or taken away. */
export class SnapshotProblem extends Error {
  override name = 'SnapshotProblem';
}

/** Stays free: a backup must not be what fills the disk. */
export const RESERVE_BYTES = 16 * 1024 * 1024;
