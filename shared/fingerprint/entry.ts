import type { Buffer } from 'node:buffer';
import { AssertionFailed } from '../base/assert.ts';

/** 32 bytes: SHA-256 over a node's canonical bytes, see node.ts. */
export type NodeId = Buffer;

/** What a file could not be read for. */
export const UNREADABLE_REASONS = ['permission', 'io', 'name-too-long', 'other'] as const;
export type UnreadableReason = (typeof UNREADABLE_REASONS)[number];

/** What stands at a name whose content could not be read, as far as that is known. */
export const UNREADABLE_OF = ['unknown', 'file', 'directory', 'symlink'] as const;
export type UnreadableOf = (typeof UNREADABLE_OF)[number];

/** Why a scan stopped at a name on purpose. */
export const SKIPPED_REASONS = ['rule', 'other-file-system', 'limit', 'no-key'] as const;
export type SkippedReason = (typeof SKIPPED_REASONS)[number];

/**
 * What a scan found at one name. Times, inode numbers and numeric ids are not part of it: they differ between servers
 * that are the same. `meta` is the id of the object with mode, owner and group (meta.ts); it is null only where nothing
 * could be known or where a directory is a passage.
 */
export type Content =
  | {
      kind: 'file';
      /**
       * Runs: by what its first bytes say (executable.ts), which makes it software wherever it lies, or by an x bit where
       * software is expected.
       */
      executable: boolean;
      /** `digest` is an HMAC under the cluster's key: peers compare, nobody can guess. */
      keyed: boolean;
      size: number;
      /** SHA-256 of the content, 32 bytes. */
      digest: Buffer;
      /** SHA-256 of the content after the profile's normaliser, where it has one for this path. */
      normalised: Buffer | null;
      meta: NodeId;
    }
  /** Without meta it is a passage: on the way to entries of this plane, itself part of the other one. */
  | { kind: 'directory'; node: NodeId; meta: NodeId | null }
  /** Compared by target; never followed. */
  | { kind: 'symlink'; target: Buffer; meta: NodeId }
  | { kind: 'device'; type: 'block' | 'character'; number: number; meta: NodeId }
  | { kind: 'fifo'; meta: NodeId }
  | { kind: 'socket'; meta: NodeId }
  /** Changed whenever it was read: no digest would be true. */
  | { kind: 'unstable'; meta: NodeId }
  | { kind: 'unreadable'; of: UnreadableOf; reason: UnreadableReason; meta: NodeId | null }
  | { kind: 'skipped'; reason: SkippedReason; meta: null };

/** A {@link Content} and its name in its directory: bytes, since file names are bytes. */
export type Entry = Content & { name: Buffer };

/** Longer than any name of any file system (NAME_MAX is 255 on Linux, 1023 on ZFS with long names). */
export const MAX_NAME_BYTES = 4096;
/** PATH_MAX: the longest target that a link can have. */
export const MAX_TARGET_BYTES = 4096;
/** The name of the one entry of a tree's root node: the directory `/` itself. No file can be called so. */
export const ROOT_NAME = '/';

/** A directory that is only on the way: not an entry of its own in this plane. */
export const isPassage = (content: Content): boolean => content.kind === 'directory' && content.meta === null;

const sameBytes = (a: Buffer | null, b: Buffer | null): boolean => (a === null || b === null ? a === b : a.equals(b));

/** Whether both are the same apart from their meta; for directories apart from what is in them, too. */
export function sameContent(a: Content, b: Content): boolean {
  switch (a.kind) {
    case 'file':
      return (
        b.kind === 'file' &&
        a.size === b.size &&
        a.keyed === b.keyed &&
        a.digest.equals(b.digest) &&
        sameBytes(a.normalised, b.normalised)
      );
    case 'symlink':
      return b.kind === 'symlink' && a.target.equals(b.target);
    case 'device':
      return b.kind === 'device' && a.type === b.type && a.number === b.number;
    case 'unreadable':
      return b.kind === 'unreadable' && a.of === b.of && a.reason === b.reason;
    case 'skipped':
      return b.kind === 'skipped' && a.reason === b.reason;
    case 'directory':
    case 'fifo':
    case 'socket':
    case 'unstable':
      return b.kind === a.kind;
    default:
      throw new AssertionFailed('an entry of no kind');
  }
}

/** Whether both have the same mode and owner. Of one content, only the x bits say whether it is executable. */
export const sameMeta = (a: Content, b: Content): boolean =>
  sameBytes(a.meta, b.meta) && (a.kind === 'file' && a.executable) === (b.kind === 'file' && b.executable);
