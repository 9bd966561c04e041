import type { Coverage } from '@tidemark/shared/fingerprint/coverage.ts';
import type { HostIdentity } from '@tidemark/shared/fingerprint/normalise.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import type { CacheIndex } from './cache-index.ts';
import type { Budget } from './pace.ts';
import type { Answer, Away } from './walker.ts';

/* What the threads of a scan say to each other. */

/** What a thread begins with. */
export interface WorkerInput {
  number: number;
  threads: number;
  profile: ScanProfile;
  root: string;
  startedMs: number;
  identity: HostIdentity;
  attributes: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;
  key: Uint8Array | null;
  budget: Budget;
  cache: { index: CacheIndex; out: number | null } | null;
  linked: SharedArrayBuffer;
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
  /** Records of nodes.bin. */
  | { type: 'nodes'; records: Uint8Array }
  | { type: 'away'; away: Away }
  | { type: 'answer'; answer: Answer }
  | { type: 'idle' }
  | { type: 'roots'; software: Uint8Array; config: Uint8Array }
  | { type: 'ended'; coverage: Coverage; bytesRead: number }
  | { type: 'failed'; message: string; isCancelled: boolean };
