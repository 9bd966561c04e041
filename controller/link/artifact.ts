import { open } from 'node:fs/promises';
import { type ServerWritableStream, status } from '@grpc/grpc-js';
import { digestFromWire, reading } from '@tidemark/shared/protocol/codec.ts';
import type { DownloadChunk, DownloadRequest } from '@tidemark/shared/protocol/gen/tidemark/v1/artifact.ts';
import { ARTIFACT_CHUNK_BYTES } from '@tidemark/shared/protocol/limits.ts';
import { CallRefused } from './authorisation.ts';
import type { Caller, FindArtifact } from './ports.ts';

/** Sends an artifact's bytes from an offset on, as fast as the agent reads them. Throws {@link CallRefused}. */
export async function serveDownload(call: DownloadCall, caller: Caller, find: FindArtifact): Promise<void> {
  const digest = reading(() => digestFromWire(call.request.digest, 'digest'));
  if (!digest.ok) throw new CallRefused(status.INVALID_ARGUMENT, digest.error.message);
  const found = await find(digest.value, caller);
  if (found === null) {
    throw new CallRefused(status.NOT_FOUND, `the controller has no artifact ${digest.value} for ${caller.hostName}`);
  }
  let { offset } = call.request;
  if (offset > found.bytes) {
    throw new CallRefused(status.OUT_OF_RANGE, `the artifact has ${found.bytes} bytes, not ${offset}`);
  }
  const file = await open(found.file, 'r');
  try {
    // An empty chunk where nothing is left: the agent learns the size in any case.
    await send(call, { offset, total: found.bytes, data: Buffer.alloc(0) });
    while (offset < found.bytes && !isOver(call)) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(ARTIFACT_CHUNK_BYTES), 0, undefined, offset);
      if (bytesRead === 0) {
        throw new CallRefused(
          status.DATA_LOSS,
          `artifact ${digest.value} is shorter than it was: restore it on the controller`,
        );
      }
      await send(call, { offset, total: 0, data: buffer.subarray(0, bytesRead) });
      offset += bytesRead;
    }
  } finally {
    await file.close();
  }
  if (!isOver(call)) call.end();
}

type DownloadCall = ServerWritableStream<DownloadRequest, DownloadChunk>;

const isOver = (call: DownloadCall): boolean => call.cancelled || call.writableEnded || call.destroyed;

/** Writes, and waits where the agent has not read what came before. */
async function send(call: DownloadCall, chunk: DownloadChunk): Promise<void> {
  if (isOver(call) || call.write(chunk) || isOver(call)) return;
  await new Promise<void>(resolve => {
    const events = ['drain', 'cancelled', 'close', 'error'];
    const done = () => {
      for (const event of events) call.off(event, done);
      resolve();
    };
    for (const event of events) call.on(event, done);
  });
}
