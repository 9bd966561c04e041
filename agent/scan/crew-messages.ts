import type { Coverage } from '@tidemark/shared/fingerprint/coverage.ts';
import type { HostIdentity } from '@tidemark/shared/fingerprint/normalise.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import type { AttributeTableMemory } from './attribute-table.ts';
import type { CacheIndex } from './cache-index.ts';
import type { Answer, Away } from './frame.ts';
import type { Budget } from './pace.ts';

/* What the threads of a scan say to each other. */

/** Where attributes of files come from. */
export type AttributesInput =
  /** All were read; null where there are none, or nothing can read them. */
  | { type: 'read'; table: AttributeTableMemory | null }
  /** Those of the last scan count, and this program says what new ones are; null where there is none. */
  | { type: 'kept'; program: string | null };

/** What a thread begins with. */
export interface WorkerInput {
  number: number;
  threads: number;
  profile: ScanProfile;
  root: string;
  startedMs: number;
  identity: HostIdentity;
  attributes: AttributesInput;
  key: Uint8Array | null;
  /** Globs of the server's policy: what an audit may digest. */
  audits: readonly string[];
  budget: Budget;
  cache: { index: CacheIndex; out: number | null } | null;
  /** nodes.bin, open for appending. */
  nodes: number;
  linked: SharedArrayBuffer;
  /** Ids of the nodes that have been written. */
  seen: SharedArrayBuffer;
  /** See {@link CONTROL}. */
  control: SharedArrayBuffer;
}

/** Words of 32 bits that all threads see. After them come two for each thread: files, and KiB that were read. */
export const CONTROL = { hungry: 0, cancelled: 1, counts: 2, countsEach: 2 } as const;

export const controlMemory = (threads: number): SharedArrayBuffer =>
  new SharedArrayBuffer(4 * (CONTROL.counts + CONTROL.countsEach * threads));

export type ToWorker =
  /** Begin at the server's root directory: said to one of them. */
  | { type: 'start' }
  | { type: 'take'; away: Away }
  | { type: 'answered'; answer: Answer }
  /** Nothing more will come. */
  | { type: 'end' };

export type FromWorker =
  | { type: 'away'; away: Away }
  | { type: 'answer'; answer: Answer }
  | { type: 'idle' }
  | { type: 'roots'; software: Uint8Array; config: Uint8Array }
  | { type: 'ended'; coverage: Coverage; bytesRead: number; nodes: number; bytes: number }
  | { type: 'failed'; message: string; code?: string; isCancelled: boolean };
