import type { Entry } from '@tidemark/shared/fingerprint/entry.ts';
import type { Meta } from '@tidemark/shared/fingerprint/meta.ts';
import type { Plane } from '@tidemark/shared/fingerprint/profile.ts';
import type { ProductHome } from './records.ts';

/** What a scan found below a product's home. */
export interface FoundFile {
  entry: Entry;
  plane: Plane;
  meta: Meta | null;
}

/** Paths are relative, bytes as latin1, here and below: text only where people read it. */
export type FoundFiles = ReadonlyMap<string, FoundFile>;

/** A file with the content that other versions of the product have at its path. */
export interface ForeignFile {
  path: string;
  versions: string[];
}

/** What one directory below `releases/` holds. */
export interface ReleaseVerdict {
  /** Its name: what it should be a release of. */
  directory: string;
  /** The version that it is held against; null where nothing of it is known. */
  version: string | null;
  /** Every version that is there completely. More than one where they cannot be told apart on disk. */
  fits: string[];
  /** Files of `version` that are there as they should be. */
  matched: number;
  total: number;
  /** Files of `version` that still, or already, have another version's content. */
  foreign: ForeignFile[];
  /** Files that `version` does not have, as another version left them. */
  leftover: ForeignFile[];
  /** Files of `version` that are not there. */
  missing: string[];
  /** Files of `version` with a content that no version has there. */
  modified: string[];
  /** Files that no version has. */
  extra: string[];
  /** Files of `version` that could not be read, or changed while they were. */
  unread: string[];
  /** Files of `version` that should have an x bit and do not, or the other way round. */
  wrongMode: string[];
  files: FoundFiles;
  sentence: string;
}

export interface ProductVerdict extends ProductHome {
  /** The release that `current` points to; null where it points nowhere. */
  deployed: ReleaseVerdict | null;
  /** Releases beside it, kept to go back to. */
  retained: ReleaseVerdict[];
  /** Below the home, and in no release. */
  outside: FoundFiles;
  /** The versions that fit what is deployed. */
  versions: string[];
  /** All that was added, changed and removed is as the vendor says. */
  complete: boolean;
  sentence: string;
}

/** What can run below a product's home, and how much of it is as in a release. Bytes. */
export function programsOf({ deployed, retained, outside }: ProductVerdict): {
  files: number;
  bytes: number;
  explainedBytes: number;
} {
  const sum = { files: 0, bytes: 0, explainedBytes: 0 };
  const add = (files: FoundFiles, unexplained: (path: string) => boolean) => {
    for (const [path, { entry }] of files) {
      if (entry.kind !== 'file' || !entry.executable) continue;
      sum.files += 1;
      sum.bytes += entry.size;
      if (!unexplained(path)) sum.explainedBytes += entry.size;
    }
  };
  for (const { files, modified, extra, unread } of [...(deployed ? [deployed] : []), ...retained]) {
    const unexplained = new Set([...modified, ...extra, ...unread]);
    add(files, path => unexplained.has(path));
  }
  add(outside, () => true);
  return sum;
}
