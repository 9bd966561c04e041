import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { Coverage } from '@tidemark/shared/fingerprint/coverage.ts';
import type { NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';

/** The trees of one scan of one host under one profile. Times in milliseconds since the epoch, by the host's clock. */
export interface NewFingerprint {
  hostId: string;
  /** The agent's own name for the scan. */
  scan: string;
  profile: ScanProfile;
  profileDigest: Digest;
  softwareRoot: NodeId;
  configRoot: NodeId;
  coverage: Coverage;
  startedMs: number;
  finishedMs: number;
}

export interface Fingerprint extends NewFingerprint {
  id: string;
}

/** A scan that somebody asked for. */
export interface Observation {
  id: string;
  host: string;
  state: 'asked' | 'done' | 'failed';
  message: string;
  fingerprint: string | null;
  askedAt: number;
  endedAt: number | null;
}

/** Where a product lives on a host: its releases are in `<home>/releases/<version>`, `<home>/current` is a link. */
export interface ProductHome {
  product: string;
  home: string;
}

/** One file of a release, as it was harvested. */
export interface ReleaseFile {
  kind: 'file' | 'symlink';
  /** SHA-256 of the content, or of a link's target. */
  digest: Buffer;
  size: number;
  /** Whether it has an x bit. */
  executable: boolean;
}

/** A version of a product, known file by file. */
export interface Release {
  product: string;
  version: string;
  /** By path relative to `releases/<version>`: bytes as latin1. */
  files: ReadonlyMap<string, ReleaseFile>;
}
