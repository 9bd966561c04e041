import type { ListedFile } from './file-list.ts';

export const SOURCE_KINDS = ['deb', 'rpm', 'zip', 'tar', 'oci', 'directory'] as const;
export type SourceKind = (typeof SOURCE_KINDS)[number];

/** What a package says it is. */
export interface PackageName {
  product: string;
  version: string;
  /** Null where the format knows none. */
  architecture: string | null;
}

export interface Harvested extends PackageName {
  source: SourceKind;
  /** Who made it, as the package says; null where it does not. */
  vendor: string | null;
  files: ListedFile[];
}

/** A package as a file: its bytes from an offset on, as often as they are asked for. */
export interface PackageFile {
  /** What it was called where it came from. */
  name: string;
  bytes: number;
  read(from?: number, length?: number): AsyncIterable<Uint8Array>;
  /** For formats whose list stands at their end. Rejects beyond the end. */
  at(position: number, length: number): Promise<Buffer>;
}
