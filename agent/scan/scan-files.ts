import fs from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '@tidemark/shared/base/canonical-json.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { Coverage } from '@tidemark/shared/fingerprint/coverage.ts';
import { type EncodedNode, nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { profileDigest, ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { secretKeyId } from '@tidemark/shared/fingerprint/secret-key-id.ts';
import { z } from 'zod';
import { scanByCrew } from './crew.ts';
import { BATCH_BYTES, RECORD_HEAD_BYTES, readRecordHead } from './node-records.ts';
import type { ScanOptions } from './scan-tree.ts';

/*
 * A finished scan on disk: nodes.bin holds every node of both trees as records (node-records.ts), scan.json says the rest. scan.json is written last, so a directory that has one is whole.
 */

const Hex = z.string().regex(/^[0-9a-f]{64}$/);

export const ScanFile = z.strictObject({
  scan: z.string().min(1),
  profile: ScanProfile,
  profileDigest: z.string(),
  softwareRoot: Hex,
  configRoot: Hex,
  startedMs: z.int().min(0),
  finishedMs: z.int().min(0),
  coverage: Coverage,
  nodes: z.int().min(0),
  bytes: z.int().min(0),
});
export type ScanFile = z.infer<typeof ScanFile>;

const SCAN_FILE = 'scan.json';
const NODES_FILE = 'nodes.bin';
const { O_CREAT, O_TRUNC, O_WRONLY, O_APPEND } = fs.constants;
const APPENDED = O_CREAT | O_TRUNC | O_WRONLY | O_APPEND;

/** Scans into `directory` (made, and only readable by its owner), and says what was written. `scan` is a UUID. */
export async function writeScan(directory: string, scan: string, options: ScanOptions): Promise<WrittenScan> {
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const nodes = fs.openSync(join(directory, NODES_FILE), APPENDED, 0o600);
  try {
    const result = await scanByCrew(options, nodes);
    fs.fsyncSync(nodes);
    const file: ScanFile = {
      scan,
      profile: options.profile,
      profileDigest: profileDigest(options.profile),
      softwareRoot: result.softwareRoot.toString('hex'),
      configRoot: result.configRoot.toString('hex'),
      startedMs: result.startedMs,
      finishedMs: result.finishedMs,
      coverage: { ...result.coverage, secretKey: keyOf(options) },
      nodes: result.nodes,
      bytes: result.bytes,
    };
    writeAtomically(join(directory, SCAN_FILE), JSON.stringify(file));
    return { ...file, bytesRead: result.bytesRead };
  } finally {
    fs.closeSync(nodes);
  }
}

/** The key that secrets were digested under; null where the profile has none, or there was none. */
const keyOf = ({ profile, key }: ScanOptions): string | null =>
  key && (profile.secret ?? []).length > 0 ? secretKeyId(key) : null;

/** What was written, and what it took: bytes that were read from files, the others being known from earlier scans. */
export type WrittenScan = ScanFile & { bytesRead: number };

/** A scan that {@link writeScan} finished: what scan.json says, and its nodes by id. Close it after use. */
export interface StoredScan {
  file: ScanFile;
  node(id: Uint8Array): EncodedNode | null;
  close(): void;
}

export function openScan(directory: string): Result<StoredScan, string> {
  try {
    const file = ScanFile.safeParse(parseJson(fs.readFileSync(join(directory, SCAN_FILE))));
    if (!file.success) return err(`${join(directory, SCAN_FILE)} is no scan: ${z.prettifyError(file.error)}`);
    const descriptor = fs.openSync(join(directory, NODES_FILE), 'r');
    const index = indexNodes(descriptor);
    if (!index) {
      fs.closeSync(descriptor);
      return err(`${join(directory, NODES_FILE)} is damaged; scan again`);
    }
    return ok({
      file: file.data,
      node: id => {
        const at = index.get(nodeKey(id));
        return at ? { id: Buffer.from(id), data: read(descriptor, at.offset, at.length) } : null;
      },
      close: () => fs.closeSync(descriptor),
    });
  } catch (error) {
    return err(`the scan in ${directory} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Where each node's bytes are; null where the file does not end with a whole record. */
function indexNodes(descriptor: number): Map<string, { offset: number; length: number }> | null {
  const index = new Map<string, { offset: number; length: number }>();
  const size = fs.fstatSync(descriptor).size;
  let window: Buffer = Buffer.alloc(0);
  let windowAt = 0;
  for (let at = 0; at < size; ) {
    if (at < windowAt || at + RECORD_HEAD_BYTES > windowAt + window.length) {
      window = read(descriptor, at, Math.min(BATCH_BYTES, size - at));
      windowAt = at;
    }
    const head = readRecordHead(window.subarray(at - windowAt));
    const offset = at + RECORD_HEAD_BYTES;
    if (!head || offset + head.length > size) return null;
    index.set(nodeKey(head.id), { offset, length: head.length });
    at = offset + head.length;
  }
  return index;
}

function read(descriptor: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let count = 0;
  while (count < length) {
    const got = fs.readSync(descriptor, bytes, count, length - count, offset + count);
    if (got === 0) break;
    count += got;
  }
  return bytes.subarray(0, count);
}

function writeAtomically(path: string, text: string): void {
  const temporary = `${path}.new`;
  const descriptor = fs.openSync(temporary, 'w', 0o600);
  try {
    fs.writeSync(descriptor, text);
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
  fs.renameSync(temporary, path);
}
