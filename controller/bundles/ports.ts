import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { FrozenPackage } from '@tidemark/shared/orders/bundle.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import type { KnownPackage } from './freezing.ts';
import type { Ring } from './rings.ts';

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
  /** The digest of what was asked for, before it was said what is known of its packages' files. */
  asked: Digest;
  ring: string;
  /** Since when it has been in its ring. */
  ringSince: number;
  releases: { product: string; version: string; artifact: Digest; bytes: number }[];
  /** Of operating systems: what servers get from the repositories that they know. Sorted by family, name and architecture. */
  packages: FrozenPackage[];
  /** All that it answers, `DSA-5678-1`, with what is said of its packages. Sorted. */
  advisories: string[];
  /** While it is held nothing new begins with it. */
  held: Word | null;
  /** For ever. */
  withdrawn: Word | null;
  createdBy: string;
  createdAt: number;
}

/** What somebody said about a bundle, and when. */
export interface Word {
  by: string;
  reason: string;
  at: number;
}

/** What has become of a bundle since it came into the ring where it is, as its runs say. */
export interface Evidence {
  /** Servers that its newest run on them has patched, and those that it has not. */
  patched: number;
  failed: number;
  /** Servers that a run is at work on. */
  atWork: number;
  /** Titles. */
  openIncidents: readonly string[];
}

export interface StoredSignOff {
  /** As the signature says, from when it was taken; it is verified again whenever it counts. */
  ring: string;
  /** DSSE, as JSON text. */
  envelope: string;
}

/** What others know and a promotion rests on; whoever wires them hands it in. */
export interface PromotionSources {
  evidence(bundle: Pick<Bundle, 'name' | 'digest' | 'ringSince'>): Promise<Evidence>;
  trustRoot(): Promise<TrustRoot | null>;
  /** Packages of these names whose files were read here. */
  knownPackages(names: readonly string[]): Promise<KnownPackage[]>;
}

/** What the library of releases and bundles keeps. Implemented by controller/store/bundles.ts. */
export interface BundleStore {
  /** All or nothing; a rejected promise undoes it. */
  transaction<T>(work: (transaction: BundleTransaction) => Promise<T>): Promise<T>;
  releases(): Promise<Release[]>;
  bundles(): Promise<Bundle[]>;
  bundle(name: string): Promise<Bundle | null>;
  /** In their order. */
  rings(): Promise<Ring[]>;
  signOffs(name: string): Promise<StoredSignOff[]>;
}

export interface BundleTransaction {
  /** Nobody else adds this release until the end of the transaction. */
  releaseLocked(product: string, version: string): Promise<Release | null>;
  addRelease(release: Release, files: readonly SignatureFile[]): Promise<void>;
  bundle(name: string): Promise<Bundle | null>;
  addBundle(bundle: Bundle): Promise<void>;
  /** Nobody else promotes it until the end of the transaction; null where it is not there. */
  bundleLocked(name: string): Promise<Bundle | null>;
  update(name: string, change: Partial<Pick<Bundle, 'ring' | 'ringSince' | 'held' | 'withdrawn'>>): Promise<void>;
  /** Replaces what the approver gave for this ring before. */
  addSignOff(name: string, approver: string, signOff: StoredSignOff, atMs: number): Promise<void>;
  /** Nobody else changes them, and no bundle enters one, until the end of the transaction. */
  ringsLocked(): Promise<Ring[]>;
  setRings(rings: readonly Ring[]): Promise<void>;
  bundles(): Promise<Bundle[]>;
  audit(entry: {
    actor: string;
    action: string;
    subject: string;
    detail: Record<string, string | number | boolean>;
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
