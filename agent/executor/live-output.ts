import type { Digest } from '@tidemark/shared/base/digest.ts';
import { OUTPUT_CREDIT_BYTES } from '@tidemark/shared/protocol/limits.ts';
import type { FromExecutor } from '../boundary/messages.ts';
import { readOutput } from '../steps/output.ts';

const CHUNK_BYTES = 16 * 1024;

/** What of a running step's output has been shown. */
export interface Watched {
  orderDigest: Digest;
  job: number;
  attempt: number;
  directory: string;
  shown: number;
}

/** Shows what running steps write, as far as somebody wants to see it. */
export class LiveOutput {
  readonly #send: (message: FromExecutor) => void;
  #credit = 0;

  constructor(send: (message: FromExecutor) => void) {
    this.#send = send;
  }

  /** Never more than one connection may be ahead: what an old one granted is not added up. */
  grant(bytes: number): void {
    this.#credit = Math.min(this.#credit + Math.max(0, bytes), OUTPUT_CREDIT_BYTES);
  }

  show(watched: Watched): void {
    for (;;) {
      const part = readOutput(watched.directory, watched.shown, Math.min(CHUNK_BYTES, this.#credit));
      if (!part) return;
      this.#credit -= part.data.length;
      watched.shown = part.offset + part.data.length;
      const { orderDigest, job, attempt } = watched;
      this.#send({ type: 'output', orderDigest, job, attempt, offset: part.offset, data: part.data });
    }
  }
}
