import { type EncodedNode, ID_BYTES, MAX_NODE_BYTES } from '@tidemark/shared/fingerprint/node.ts';

/* Nodes one after the other: 32 bytes id, 4 bytes length, the canonical bytes. */

const LENGTH_BYTES = 4;
export const RECORD_HEAD_BYTES = ID_BYTES + LENGTH_BYTES;
/** Records are passed on in pieces of about this size, so that a scan of many small directories is few of them. */
export const BATCH_BYTES = 256 * 1024;

/** Collects records; each batch is a buffer of its own. */
export class NodeRecords {
  readonly #take: (records: Uint8Array) => void;
  #batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
  #length = 0;

  constructor(take: (records: Uint8Array) => void) {
    this.#take = take;
  }

  add({ id, data }: EncodedNode): void {
    if (this.#length + RECORD_HEAD_BYTES + data.length > BATCH_BYTES) this.flush();
    id.copy(this.#batch, this.#length);
    this.#batch.writeUInt32BE(data.length, this.#length + ID_BYTES);
    data.copy(this.#batch, this.#length + RECORD_HEAD_BYTES);
    this.#length += RECORD_HEAD_BYTES + data.length;
  }

  flush(): void {
    if (this.#length === 0) return;
    const full = this.#batch.subarray(0, this.#length);
    this.#batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
    this.#length = 0;
    this.#take(full);
  }
}

/** The record at the beginning of these bytes: how long its node is; null where that cannot be. */
export function readRecordHead(bytes: Buffer): { id: Buffer; length: number } | null {
  if (bytes.length < RECORD_HEAD_BYTES) return null;
  const length = bytes.readUInt32BE(ID_BYTES);
  return length > MAX_NODE_BYTES ? null : { id: bytes.subarray(0, ID_BYTES), length };
}

/** The records of a batch, whole ones. */
export function* recordsIn(batch: Buffer): Generator<{ id: Buffer; record: Buffer }> {
  for (let at = 0; at < batch.length; ) {
    const head = readRecordHead(batch.subarray(at));
    if (!head) return;
    const end = at + RECORD_HEAD_BYTES + head.length;
    yield { id: head.id, record: batch.subarray(at, end) };
    at = end;
  }
}
