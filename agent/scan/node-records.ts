import fs from 'node:fs';
import { type EncodedNode, ID_BYTES, MAX_NODE_BYTES } from '@tidemark/shared/fingerprint/node.ts';
import type { SharedIds } from './shared-ids.ts';

/* Nodes one after the other: 32 bytes id, 4 bytes length, the canonical bytes. */

const LENGTH_BYTES = 4;
export const RECORD_HEAD_BYTES = ID_BYTES + LENGTH_BYTES;
/** Records are written in pieces of about this size, so that a scan of many small directories is few of them. */
export const BATCH_BYTES = 256 * 1024;

/** Takes the nodes of a scan, children first. */
export interface NodeSink {
  add(node: EncodedNode): void;
  /** Whole records, one after the other. */
  addRecords(records: Buffer): void;
}

export const recordLength = ({ data }: EncodedNode): number => RECORD_HEAD_BYTES + data.length;

/** Where the record ends. */
export function writeRecord({ id, data }: EncodedNode, bytes: Buffer, at: number): number {
  id.copy(bytes, at);
  bytes.writeUInt32BE(data.length, at + ID_BYTES);
  return at + RECORD_HEAD_BYTES + data.copy(bytes, at + RECORD_HEAD_BYTES);
}

/** Appends to a file that several threads write, each node once. */
export class NodeFile implements NodeSink {
  readonly #file: number;
  readonly #seen: SharedIds;
  readonly #batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
  #held = 0;
  #nodes = 0;
  #bytes = 0;

  /** `file` is open for appending. */
  constructor(file: number, seen: SharedIds) {
    this.#file = file;
    this.#seen = seen;
  }

  add(node: EncodedNode): void {
    if (this.#seen.add(node.id, 0)) writeRecord(node, this.#batch, this.#reserve(node.data.length));
  }

  addRecords(records: Buffer): void {
    for (let at = 0; at < records.length; ) {
      const length = records.readUInt32BE(at + ID_BYTES);
      const end = at + RECORD_HEAD_BYTES + length;
      if (this.#seen.add(records, at)) records.copy(this.#batch, this.#reserve(length), at, end);
      at = end;
    }
  }

  /** What this thread has written: nodes, and their canonical bytes. */
  written(): { nodes: number; bytes: number } {
    return { nodes: this.#nodes, bytes: this.#bytes };
  }

  /** Whole records in one write, so that those of several threads do not mix. Throws the system's error. */
  flush(): void {
    const piece = this.#batch.subarray(0, this.#held);
    this.#held = 0;
    if (piece.length === 0) return;
    const count = fs.writeSync(this.#file, piece);
    if (count < piece.length) {
      const message = `only ${count} of ${piece.length} bytes of nodes could be written`;
      throw Object.assign(new Error(message), { code: 'ENOSPC' });
    }
  }

  #reserve(length: number): number {
    if (this.#held + RECORD_HEAD_BYTES + length > BATCH_BYTES) this.flush();
    const at = this.#held;
    this.#held += RECORD_HEAD_BYTES + length;
    this.#nodes += 1;
    this.#bytes += length;
    return at;
  }
}

/** The record at the beginning of these bytes: how long its node is; null where that cannot be. */
export function readRecordHead(bytes: Buffer): { id: Buffer; length: number } | null {
  if (bytes.length < RECORD_HEAD_BYTES) return null;
  const length = bytes.readUInt32BE(ID_BYTES);
  return length > MAX_NODE_BYTES ? null : { id: bytes.subarray(0, ID_BYTES), length };
}

/** The nodes of a batch of whole records, as views of it. */
export function* nodesIn(batch: Buffer): Generator<EncodedNode> {
  for (let at = 0; at < batch.length; ) {
    const head = readRecordHead(batch.subarray(at));
    if (!head) return;
    const end = at + RECORD_HEAD_BYTES + head.length;
    yield { id: head.id, data: batch.subarray(at + RECORD_HEAD_BYTES, end) };
    at = end;
  }
}
