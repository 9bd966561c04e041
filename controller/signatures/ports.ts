import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { Result } from '@tidemark/shared/base/result.ts';
import type { ListedFile } from '../harvest/file-list.ts';
import type { SourceKind } from '../harvest/harvested.ts';

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
}

export interface SignatureTransaction {
  /** Gives the id, and whether anything of it is new. */
  add(
    signature: Omit<ProductSignature, 'id' | 'files'>,
    list: Buffer,
    files: readonly ListedFile[],
  ): Promise<{ id: number; fresh: boolean }>;
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
