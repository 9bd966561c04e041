import { Socket } from 'node:net';
import type { Readable } from 'node:stream';

const READ_BYTES = 64 * 1024;

/** What a child process writes into a pipe. */
export interface ChildOutput {
  /** Resolves once all that hold the pipe have closed it, or `destroy` did. */
  closed: Promise<void>;
  destroy(): void;
}

/** Node's stream over a pipe, with the pipe itself. */
interface PipeStream extends Readable {
  _handle?: object | null;
}

/**
 * Hands on what a child writes, in one buffer that is used again and again: `take` must copy what it keeps. As a stream,
 * each chunk would be a new buffer of 64 KiB outside of the heap, which V8 frees only when some 64 MiB of them have come
 * together (docs/decisions/0200). Must be called in the turn in which the child was started.
 */
export function readOutputOf(stream: Readable | null, take: (data: Buffer) => void): ChildOutput {
  const pipe = stream as PipeStream | null;
  if (!pipe?._handle) return readAsStream(pipe, take);
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const socket = new Socket({
    handle: pipe._handle,
    writable: false,
    onread: {
      buffer,
      callback: length => {
        take(buffer.subarray(0, length));
        return true;
      },
    },
    // `handle` is how Node itself makes the stream of a child; its types leave it out.
  } as ConstructorParameters<typeof Socket>[0]);
  pipe._handle = null;
  return outputOf(socket);
}

/** Where Node does not show the pipe: the same with more memory. */
function readAsStream(stream: Readable | null, take: (data: Buffer) => void): ChildOutput {
  if (!stream) return { closed: Promise.resolve(), destroy: () => undefined };
  stream.on('data', take);
  return outputOf(stream);
}

function outputOf(stream: Readable): ChildOutput {
  // A pipe that breaks has ended; how the child ended says its status.
  stream.on('error', () => undefined);
  const closed = new Promise<void>(resolve => stream.once('close', () => resolve()));
  return { closed, destroy: () => void stream.destroy() };
}
