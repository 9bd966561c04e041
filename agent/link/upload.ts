import type { ClientDuplexStream } from '@grpc/grpc-js';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { coverageText } from '@tidemark/shared/fingerprint/coverage.ts';
import type { EncodedNode } from '@tidemark/shared/fingerprint/node.ts';
import { profileBytes } from '@tidemark/shared/fingerprint/profile.ts';
import type {
  FingerprintClient,
  Roots,
  Texts,
  UploadMessage,
  UploadReply,
} from '@tidemark/shared/protocol/gen/tidemark/v1/fingerprint.ts';
import { openScan, type StoredScan } from '../scan/scan-files.ts';
import { callError, isPassing } from './grpc.ts';

/** `again`: the connection was in the way; the next attempt sends only what has not arrived. */
export interface UploadError {
  again: boolean;
  message: string;
}

export interface Uploaded {
  /** The controller had this scan already. */
  alreadyKnown: boolean;
  nodes: number;
  /** Canonical bytes of these nodes. */
  bytes: number;
}

export interface UploadRequest {
  client: FingerprintClient;
  /** `<stateDir>/scans/<scan>`. */
  directory: string;
  scan: string;
}

type Call = ClientDuplexStream<UploadMessage, UploadReply>;

/** Nodes are collected into messages of about this size. */
const BATCH_BYTES = 256 * 1024;

/**
 * Sends a finished scan: its roots, then the nodes that the controller lacks, then the commit. It keeps nothing of an
 * attempt that broke: the controller does not want what it has.
 */
export async function uploadScan({ client, directory, scan }: UploadRequest): Promise<Result<Uploaded, UploadError>> {
  const stored = openScan(directory);
  if (!stored.ok) return err({ again: false, message: stored.error });
  if (stored.value.file.scan !== scan) {
    stored.value.close();
    return err({ again: false, message: `${directory} holds scan ${stored.value.file.scan}, not ${scan}` });
  }
  try {
    return await callFor(client, stored.value);
  } catch (error) {
    const failed = callError(error);
    return err({ again: isPassing(failed), message: `the scan ${scan} could not be sent: ${failed.details}` });
  } finally {
    stored.value.close();
  }
}

async function callFor(client: FingerprintClient, scan: StoredScan): Promise<Result<Uploaded, UploadError>> {
  const call = client.upload();
  // An error may come while nobody reads; it is kept, since the stream then only ends.
  const failure: { error: unknown } = { error: null };
  call.on('error', error => {
    failure.error ??= error;
  });
  let isDone = false;
  try {
    const uploaded = await converse(call, scan);
    if (failure.error) throw failure.error;
    isDone = uploaded.ok;
    return uploaded;
  } finally {
    if (isDone) call.end();
    else call.cancel();
  }
}

async function converse(call: Call, scan: StoredScan): Promise<Result<Uploaded, UploadError>> {
  await send(call, { body: { $case: 'roots', value: rootsOf(scan) } });
  let nodes = 0;
  let bytes = 0;
  const replies: AsyncIterable<UploadReply> = call.iterator({ destroyOnReturn: false });
  for await (const { body } of replies) {
    if (body?.$case === 'committed') return ok({ alreadyKnown: body.value.alreadyKnown, nodes, bytes });
    if (body?.$case !== 'want') continue;
    const { ids, profile, coverage } = body.value;
    if (profile || coverage) {
      await send(call, { body: { $case: 'texts', value: textsOf(scan, { profile, coverage }) } });
      continue;
    }
    if (ids.length === 0) {
      await send(call, { body: { $case: 'commit', value: {} } });
      continue;
    }
    for (const batch of batchesOf(scan, ids)) {
      if (!batch) return err({ again: false, message: 'the controller wants what the scan does not hold: scan again' });
      await send(call, { body: { $case: 'nodes', value: { nodes: batch } } });
      nodes += batch.length;
      bytes += batch.reduce((sum, node) => sum + node.data.length, 0);
    }
  }
  return err({ again: true, message: 'the controller ended the upload before it was committed' });
}

/** Profile and coverage by their digests: nearly always the controller knows both, and they are longer than all the rest. */
function rootsOf({ file }: StoredScan): Roots {
  return {
    scan: file.scan,
    profileDigest: Buffer.from(file.profileDigest.slice('sha256:'.length), 'hex'),
    softwareRoot: Buffer.from(file.softwareRoot, 'hex'),
    configRoot: Buffer.from(file.configRoot, 'hex'),
    startedMs: file.startedMs,
    finishedMs: file.finishedMs,
    coverage: '',
    profile: Buffer.alloc(0),
    coverageDigest: sha256(Buffer.from(coverageText(file.coverage))),
  };
}

const textsOf = ({ file }: StoredScan, wanted: { profile: boolean; coverage: boolean }): Texts => ({
  profile: wanted.profile ? profileBytes(file.profile) : Buffer.alloc(0),
  coverage: wanted.coverage ? coverageText(file.coverage) : '',
});

/** Null for an id that the scan does not have. */
function* batchesOf(scan: StoredScan, ids: readonly Buffer[]): Generator<EncodedNode[] | null> {
  let batch: EncodedNode[] = [];
  let bytes = 0;
  for (const id of ids) {
    const node = scan.node(id);
    if (!node) {
      yield null;
      return;
    }
    if (batch.length > 0 && bytes + node.data.length > BATCH_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(node);
    bytes += node.data.length;
  }
  if (batch.length > 0) yield batch;
}

/** Writes, waits where the controller has not read what came before, and lets other work of the agent in between. */
async function send(call: Call, message: UploadMessage): Promise<void> {
  if (!call.write(message)) {
    await new Promise<void>(resolve => {
      const events = ['drain', 'close', 'error', 'end'];
      const done = () => {
        for (const event of events) call.off(event, done);
        resolve();
      };
      for (const event of events) call.on(event, done);
    });
  }
  await new Promise<void>(resolve => setImmediate(resolve));
}
