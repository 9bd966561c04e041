import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { Result } from '@tidemark/shared/base/result.ts';
import type { ListedFile } from '../harvest/file-list.ts';
import type { SourceKind } from '../harvest/harvested.ts';
import type { IndexedPackage, RepositoryTop } from '../harvest/repository/records.ts';

/** Best first. */
export const TIERS = ['vendor', 'repository', 'operator', 'peers', 'host'] as const;
export type Tier = (typeof TIERS)[number];

export interface Attestation {
  tier: Tier;
  /** Fingerprint of an OpenPGP key, or names of approvers. */
  by: string;
  /** The repository that it was found in; empty for what the package or its signer says itself. */
  via: string;
  evidence: string;
}

/** A product version as one package has it. Times are milliseconds since the epoch. */
export interface ProductSignature {
  id: number;
  product: string;
  version: string;
  architecture: string | null;
  source: SourceKind;
  vendor: string | null;
  package: { digest: Digest; bytes: number };
  files: number;
  installedBytes: number;
  attestations: Attestation[];
  importedBy: string;
  importedAt: number;
}

export interface VendorKey {
  fingerprint: string;
  name: string;
  tier: 'vendor' | 'repository';
  armored: string;
  addedBy: string;
  addedAt: number;
}

/** What a package's reader found. */
export interface ReadPackage {
  source: SourceKind;
  product: string;
  version: string;
  architecture: string | null;
  vendor: string | null;
  /** The encoded list of files. */
  list: Buffer;
  installedBytes: number;
  signedBy: { fingerprint: string; name: string } | null;
  signatureProblem: string | null;
}

/** What whoever imports a package says of it. */
export interface SaidOfPackage {
  product: string | null;
  version: string | null;
  architecture: string | null;
  at: string | null;
  directory: boolean;
}

/** Reads what others made, apart from the controller. Implemented in the wiring. */
export interface PackageReader {
  package(input: {
    file: string;
    name: string;
    bytes: number;
    said: SaidOfPackage;
    keys: string[];
  }): Promise<Result<ReadPackage, string>>;
  keys(armored: string): Promise<Result<{ fingerprint: string; name: string }[], string>>;
  /** The top of a repository, whose signature counts or is none; `signature` is a detached one. */
  top(input: {
    kind: 'release' | 'repomd';
    file: string;
    name: string;
    bytes: number;
    signature: Buffer | null;
    keys: string[];
  }): Promise<Result<SignedTop, ReaderProblem>>;
  /** A list of packages; `wanted` are their names, null for all. */
  list(input: {
    kind: 'packages' | 'primary';
    file: string;
    name: string;
    bytes: number;
    wanted: string[] | null;
  }): Promise<Result<IndexedPackage[], ReaderProblem>>;
}

export type SignedTop = RepositoryTop & { signedBy: { fingerprint: string; name: string } | null };

/** `signature`: the signature is what is wrong. */
export interface ReaderProblem {
  code: string;
  message: string;
}

/** A file of a repository while it lies here. */
export interface RepositoryFile {
  file: string;
  bytes: number;
  digest: Digest;
}

/** Where the files of a repository come from. */
export interface RepositorySource {
  /**
   * Gives a file of the repository to `use`, and deletes it when that ends; null where the repository has none at this path.
   * Rejects with an `ImportRefused` where it cannot be had, or is longer than `mostBytes`.
   */
  read<T>(path: string, mostBytes: number, use: (file: RepositoryFile) => Promise<T>): Promise<T | null>;
}

/** What agents report as installed, of one family of packages. */
export interface InstalledPackages {
  /** Of the servers and of packages of other architectures on them, as the family calls them. */
  architectures: string[];
  /** `version architecture` by name; architecture is one of the above or the family's word for none. */
  versions: Map<string, Set<string>>;
}

/** A package that was read before; not yet known where it was read for an import that did not come to its end. */
export interface ReadEarlier {
  product: string;
  version: string;
  architecture: string | null;
  source: SourceKind;
  files: number;
  installedBytes: number;
  /** Fingerprint of who signed the package itself. */
  signedBy: string | null;
  /** The best of those who vouch for it already; null where nobody does. */
  tier: Tier | null;
}

/** A repository as it was seen last. */
export interface SeenRepository {
  name: string;
  kind: 'apt' | 'rpm';
  dated: number | null;
  index: Digest;
  signedBy: string | null;
}

/** Implemented by controller/store/signatures.ts. */
export interface SignatureStore {
  transaction<T>(work: (transaction: SignatureTransaction) => Promise<T>): Promise<T>;
  signatures(): Promise<ProductSignature[]>;
  signature(id: number): Promise<ProductSignature | null>;
  /** Sorted by path. */
  filesOf(id: number): Promise<ListedFile[]>;
  /** Ids of the signatures that have a file of this content, or a file or link at this path (one character a byte). */
  ownersOfContent(sha256: string): Promise<number[]>;
  ownersOfPath(path: string): Promise<number[]>;
  keys(): Promise<VendorKey[]>;
  repository(name: string): Promise<SeenRepository | null>;
  /** Those of the packages that were read before, by the digest of the package. */
  readEarlier(digests: readonly Digest[]): Promise<Map<Digest, ReadEarlier>>;
  /** Keeps what was read of a package until somebody vouches for it ({@link SignatureTransaction.learn}) or it is forgotten. */
  keepRead(
    read: Omit<ReadPackage, 'signatureProblem'> & { package: { digest: Digest; bytes: number } },
    files: readonly ListedFile[],
    now: number,
  ): Promise<void>;
  /** Of packages that were read before `until` and for which nobody vouches. */
  forgetRead(until: number): Promise<number>;
}

export interface SignatureTransaction {
  /** Gives the id, and whether anything of it is new. */
  add(
    signature: Omit<ProductSignature, 'id' | 'files'>,
    list: Buffer,
    files: readonly ListedFile[],
  ): Promise<{ id: number; fresh: boolean }>;
  /** Makes a package known that was read before; gives whether anything of it is new. */
  learn(input: { digest: Digest; attestations: readonly Attestation[]; by: string; now: number }): Promise<boolean>;
  /** As it was seen last; nobody else sees another until the transaction ends. */
  repository(name: string): Promise<SeenRepository | null>;
  remember(repository: SeenRepository, by: string, now: number): Promise<void>;
  /** False where exactly this key is there for this tier. */
  addKey(key: VendorKey): Promise<boolean>;
  removeKey(fingerprint: string): Promise<VendorKey | null>;
  audit(entry: {
    actor: string;
    action: string;
    subject: string;
    detail: Record<string, string | number>;
  }): Promise<void>;
}
