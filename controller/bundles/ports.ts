import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { BundlePackage } from '@tidemark/shared/orders/kinds/package.ts';

/** How far a bundle is promoted, in this order. */
export const RINGS = ['test', 'inactive', 'active'] as const;
export type Ring = (typeof RINGS)[number];

/** One file or link of a release, as its archive has it. */
export interface SignatureFile {
  /** Relative to the release's directory. */
  path: Buffer;
  kind: 'file' | 'symlink';
  /** SHA-256 of the content; of a link, of its target. */
  digest: Buffer;
  size: number;
  executable: boolean;
}

/** A version of a product that is known file by file. Times are milliseconds since the epoch. */
export interface Release {
  product: string;
  version: string;
  artifact: { name: string; digest: Digest; bytes: number };
  unpackedBytes: number;
  fileCount: number;
  tier: 'vendor' | 'repository' | 'operator' | 'peers' | 'host';
  importedBy: string;
  importedAt: number;
}

export interface Bundle {
  name: string;
  digest: Digest;
  ring: Ring;
  releases: { product: string; version: string; artifact: Digest; bytes: number }[];
  /** Of operating systems: what servers get from the repositories that they know. Sorted by family, name and architecture. */
  packages: BundlePackage[];
  createdBy: string;
  createdAt: number;
}

/** What the library of releases and bundles keeps. Implemented by controller/store/bundles.ts. */
export interface BundleStore {
  /** All or nothing; a rejected promise undoes it. */
  transaction<T>(work: (transaction: BundleTransaction) => Promise<T>): Promise<T>;
  releases(): Promise<Release[]>;
  bundles(): Promise<Bundle[]>;
  bundle(name: string): Promise<Bundle | null>;
}

export interface BundleTransaction {
  /** Nobody else adds this release until the end of the transaction. */
  releaseLocked(product: string, version: string): Promise<Release | null>;
  addRelease(release: Release, files: readonly SignatureFile[]): Promise<void>;
  bundle(name: string): Promise<Bundle | null>;
  addBundle(bundle: Bundle): Promise<void>;
  /** Nobody else promotes it until the end of the transaction; null where it is not there. */
  bundleLocked(name: string): Promise<Bundle | null>;
  setRing(name: string, ring: Ring): Promise<void>;
  audit(entry: {
    actor: string;
    action: string;
    subject: string;
    detail: Record<string, string | number>;
  }): Promise<void>;
}

/** Archives by digest, on disk. Implemented by controller/store/artifact-files.ts. */
export interface ArtifactFiles {
  /**
   * Moves a file that has this digest to its place, durably, and gives true. What is there already is kept, which gives
   * false, unless it has been damaged meanwhile.
   */
  adopt(file: string, digest: Digest): Promise<boolean>;
  /** Where the archive lies, whether or not it is there. */
  path(digest: Digest): string;
}
