import type { Digest } from '@tidemark/shared/base/digest.ts';

/** What is kept of a running job's output for who looks on: the same as of its result. */
const HEAD_BYTES = 8 * 1024;
const TAIL_BYTES = 32 * 1024;
/** So often at most it is written; who watches sees it that late. */
const FLUSH_MS = 1_000;
/** Jobs of which output is held here at once; beyond, the oldest is written and let go. */
const MOST_HELD = 2_000;

export interface OutputChunk {
  orderDigest: Digest;
  job: number;
  attempt: number;
  offset: number;
  data: Uint8Array;
}

/** What a job has written so far. */
export interface LiveOutput {
  orderDigest: Digest;
  position: number;
  attempt: number;
  size: number;
  head: Buffer;
  tail: Buffer;
}

export interface LiveOutputStore {
  /** Replaces what was kept of an earlier attempt. An order that is not this host's is nobody's output. */
  save(hostId: string, output: LiveOutput): Promise<void>;
}

/** Puts a chunk to what is known; one that does not follow on (some were lost) leaves a gap between head and tail. */
export function append(
  before: LiveOutput | null,
  { orderDigest, job, attempt, offset, data }: OutputChunk,
): LiveOutput {
  const isSame = before?.orderDigest === orderDigest && before.position === job && before.attempt === attempt;
  const known = before && isSame && offset > 0 ? before : NOTHING;
  const bytes = Buffer.from(data);
  const follows = offset === known.size;
  const head =
    follows && known.head.length === known.size && known.head.length < HEAD_BYTES
      ? Buffer.concat([known.head, bytes.subarray(0, HEAD_BYTES - known.head.length)])
      : known.head;
  const tail = Buffer.concat([follows ? known.tail : Buffer.alloc(0), bytes]).subarray(-TAIL_BYTES);
  return { orderDigest, position: job, attempt, size: offset + bytes.length, head, tail };
}

/** Keeps what running jobs write. It may get lost: the result of a job brings head, tail and digest of all of it. */
export function createLiveOutput(store: LiveOutputStore, onTrouble: (error: unknown) => void = () => {}) {
  const held = new Map<string, { hostId: string; output: LiveOutput; timer: NodeJS.Timeout }>();

  function flush(key: string): void {
    const entry = held.get(key);
    if (!entry) return;
    clearTimeout(entry.timer);
    held.delete(key);
    store.save(entry.hostId, entry.output).catch(onTrouble);
  }

  const kept = new Map<string, LiveOutput>();
  return {
    record(hostId: string, chunk: OutputChunk): void {
      const output = append(kept.get(hostId) ?? null, chunk);
      // One step runs on a server at a time.
      kept.delete(hostId);
      kept.set(hostId, output);
      const oldest = kept.keys().next().value;
      if (kept.size > MOST_HELD && oldest !== undefined) kept.delete(oldest);
      const key = `${hostId} ${chunk.orderDigest} ${chunk.job}`;
      const waiting = held.get(key);
      if (waiting) waiting.output = output;
      else held.set(key, { hostId, output, timer: setTimeout(() => flush(key), FLUSH_MS).unref() });
    },
    /** The host's job has ended: nothing follows on what it wrote. What was not written yet still is. */
    ended(hostId: string): void {
      kept.delete(hostId);
    },
  };
}

const NOTHING = { size: 0, head: Buffer.alloc(0), tail: Buffer.alloc(0) };
