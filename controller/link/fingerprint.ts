import { status } from '@grpc/grpc-js';
import type { Result } from '@tidemark/shared/base/result.ts';
import type { UploadMessage, UploadReply } from '@tidemark/shared/protocol/gen/tidemark/v1/fingerprint.ts';
import type { Upload, UploadRefused, Wanted } from '../verification/upload.ts';
import { CallRefused } from './authorisation.ts';
import type { Log } from './log.ts';
import type { Caller, FingerprintHandler } from './ports.ts';

/** An agent that says nothing for so long while something is wanted of it is gone: its next attempt goes on from here. */
const SILENCE_MS = 60_000;

export interface FingerprintHandlerOptions {
  /** A fresh upload of this host. */
  open: (hostId: string) => Upload;
  log: Log;
}

type Call = Parameters<FingerprintHandler>[0];

/** Serves uploads: one a host at a time, the newest wins, since the one before it is a connection that broke. */
export function createFingerprintHandler({ open, log }: FingerprintHandlerOptions): FingerprintHandler {
  const current = new Map<string, Call>();
  return (call, caller) => {
    const before = current.get(caller.hostId);
    current.set(caller.hostId, call);
    before?.emit('error', new CallRefused(status.ABORTED, 'a newer upload of this host has begun'));
    serve(call, open(caller.hostId))
      .catch(error => endWith(call, caller, error, log))
      .finally(() => {
        if (current.get(caller.hostId) === call) current.delete(caller.hostId);
      });
  };
}

/** One message after the other: while one is handled the stream is not read, so that memory stays bounded. */
async function serve(call: Call, upload: Upload): Promise<void> {
  const silence = setTimeout(
    () => call.emit('error', new CallRefused(status.DEADLINE_EXCEEDED, `nothing was sent for ${SILENCE_MS / 1000} s`)),
    SILENCE_MS,
  );
  try {
    // The call must outlive the loop: a refusal is still to be said.
    const messages: AsyncIterable<UploadMessage> = call.iterator({ destroyOnReturn: false });
    for await (const message of messages) {
      silence.refresh();
      const reply = await answer(message, upload);
      silence.refresh();
      if (isOver(call)) return;
      if (reply) call.write(reply);
    }
    if (!isOver(call)) call.end();
  } finally {
    clearTimeout(silence);
  }
}

async function answer({ body }: UploadMessage, upload: Upload): Promise<UploadReply | null> {
  switch (body?.$case) {
    case 'roots':
      return want(unwrap(await upload.roots(body.value)));
    case 'texts':
      return want({ ids: unwrap(await upload.texts(body.value)) });
    case 'nodes': {
      const wanted = unwrap(await upload.nodes(body.value.nodes));
      return wanted && want({ ids: wanted });
    }
    case 'commit':
      return { body: { $case: 'committed', value: unwrap(await upload.commit()) } };
    default:
      throw new CallRefused(status.INVALID_ARGUMENT, 'an upload is made of roots, texts, nodes and a commit');
  }
}

const want = ({ ids, profile = false, coverage = false }: Partial<Wanted> & Pick<Wanted, 'ids'>): UploadReply => ({
  body: { $case: 'want', value: { ids, profile, coverage } },
});

const STATUS: Record<UploadRefused['code'], status> = {
  'out-of-turn': status.FAILED_PRECONDITION,
  'scan-invalid': status.INVALID_ARGUMENT,
  'node-not-wanted': status.INVALID_ARGUMENT,
  'node-id-wrong': status.DATA_LOSS,
  'node-invalid': status.INVALID_ARGUMENT,
  'node-misplaced': status.INVALID_ARGUMENT,
  'nodes-missing': status.FAILED_PRECONDITION,
  'nodes-gone': status.ABORTED,
  'too-large': status.INVALID_ARGUMENT,
  'scan-taken': status.ALREADY_EXISTS,
};

function unwrap<T>(result: Result<T, UploadRefused>): T {
  if (result.ok) return result.value;
  throw new CallRefused(STATUS[result.error.code], `${result.error.message} [${result.error.code}]`);
}

const isOver = (call: Call): boolean => call.cancelled || call.writableEnded || call.destroyed;

function endWith(call: Call, caller: Caller, error: unknown, log: Log): void {
  if (isOver(call)) return;
  if (error instanceof CallRefused) {
    log.warn({ host: caller.hostName, reason: error.details }, 'upload refused');
    call.emit('error', error);
    return;
  }
  log.error({ host: caller.hostName, err: error }, 'an upload failed');
  call.emit('error', new CallRefused(status.INTERNAL, 'the controller could not store this; its log says why'));
}
