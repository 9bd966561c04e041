import type { Plane } from '@tidemark/shared/fingerprint/profile.ts';
import type { DirectoryNodes } from './cache-block.ts';
import type { Lists } from './contents.ts';
import type { OpenDirectory } from './directory.ts';
import type { RootPlace } from './roots.ts';

/** Where the walk is: what lies here counts as `plane`; null between `/` and the roots. */
export interface Position {
  path: string;
  plane: Plane | null;
  place: RootPlace | null;
  depth: number;
}

/**
 * What came of a directory that was to be entered: its nodes, or what stands there in its place; `none` where it is no
 * directory, so that whoever listed it looks again.
 */
export type Outcome =
  | { type: 'directory'; nodes: DirectoryNodes }
  | { type: 'entries'; entries: Lists }
  | { type: 'none' };

/** A directory of which not everything is known yet. */
export interface Frame {
  number: number;
  at: Position;
  directory: Pick<OpenDirectory, 'descriptor' | 'at'>;
  device: bigint;
  /** Directories in it that nobody has opened yet: they are reached through the descriptor. */
  unopened: number;
  /** Directories in it that are not whole yet, and one until all of its names were looked at. */
  unfinished: number;
  close(): void;
  /** A directory in it is whole. `record` is what is stored of it, or 0. */
  child(name: string, record: number, outcome: Outcome): void;
  /** Called once, when everything in it is known. */
  whole(): void;
}

/** A directory that is to be entered. */
export interface Waiting {
  frame: Frame;
  name: string;
  record: number;
  at: Position;
}

/** A directory below which another thread is to go on. The giver keeps its parent's descriptor open meanwhile. */
export interface Away {
  /** The number of the thread that gives it, and waits. */
  giver: number;
  /** The giver's frame that waits for it. */
  frame: number;
  parent: number;
  parentDevice: bigint;
  name: string;
  record: number;
  path: string;
  plane: Plane | null;
  depth: number;
}

/** What came of an {@link Away}. */
export interface Answer {
  giver: number;
  frame: number;
  name: string;
  record: number;
  outcome: Outcome;
}

/** Other threads with which a walker shares its work. */
export interface Crew {
  /** This thread's own. */
  number: number;
  /** Whether somebody has nothing to do; who is told so gives work. */
  isHungry(): boolean;
  give(away: Away): void;
}

/** One of its directories has been opened, or cannot be. */
export function opened(frame: Frame): void {
  frame.unopened -= 1;
  if (frame.unopened === 0) frame.close();
}

/** One more thing of it is known. */
export function settled(frame: Frame): void {
  frame.unfinished -= 1;
  if (frame.unfinished === 0) frame.whole();
}
