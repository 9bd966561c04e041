import type { TreeChange } from '@tidemark/shared/fingerprint/diff.ts';
import type { Meta } from '@tidemark/shared/fingerprint/meta.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import type { ProductHome, Release } from './records.ts';

/** What is compared with what. */
export interface Comparison {
  /** Names: what `before` and `after` of a change are. */
  hostA: string;
  hostB: string;
  /** Two hosts that should be the same, or one host at two times. */
  relation: 'peers' | 'earlier';
  /** Whether both have one role; with `earlier` they have. */
  sameRole: boolean;
  /** Whether secrets of both were digested under one key: else their digests say nothing. */
  sameKey: boolean;
  /** Of both hosts. */
  products: readonly ProductHome[];
  releases: readonly Release[];
  profile: ScanProfile;
}

/** A change between two trees; with meta where only that differs. */
export type HostChange = TreeChange & { metas: { before: Meta | null; after: Meta | null } };
