import type { IncomingMessage } from 'node:http';
import { getFrom, OutOfBounds } from '../../probes/get-from.ts';
import { SourceProblem } from './connector.ts';

export interface HttpJsonOptions {
  mayReach: (address: string) => boolean;
  /** The header that carries the secret, if any. Never part of a message. */
  authorization: string | null;
  /** PEM, beside what the system trusts. */
  ca: string | null;
  signal: AbortSignal;
  /** Waits; rejects where the signal says so. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  now: () => number;
  idleMs?: number;
  /** Bytes of one answer, and of all of a reading. */
  maxAnswerBytes?: number;
  maxTotalBytes?: number;
}

const IDLE_MS = 30_000;
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
/** 50,000 records of NetBox, which are some 3 KB each, and half as much again. */
const MAX_TOTAL_BYTES = 512 * 1024 * 1024;
const MAX_REDIRECTS = 3;
/** A server that is restarting is back by then; one that is down is no reason to hammer it. */
const MAX_RETRIES = 4;
const FIRST_WAIT_MS = 1_000;
/** Whoever says "in an hour" is asked by the next round instead. */
const LONGEST_WAIT_MS = 120_000;

export interface JsonAnswer {
  body: unknown;
  headers: IncomingMessage['headers'];
}

/**
 * Asks for JSON and gets it, or a {@link SourceProblem} that says what came instead. Waits and asks again where the other
 * side says 429 or 503 with `Retry-After`, or answers with a 5xx. Redirects are followed on the same origin alone, so that
 * the secret goes nowhere else.
 */
export function httpJson(options: HttpJsonOptions): (url: URL) => Promise<JsonAnswer> {
  let left = options.maxTotalBytes ?? MAX_TOTAL_BYTES;
  const maxAnswer = options.maxAnswerBytes ?? MAX_ANSWER_BYTES;

  const once = async (from: URL): Promise<JsonAnswer | { retryMs: number | null; said: string }> => {
    let url = from;
    for (let redirects = 0; ; redirects++) {
      const reply = await getFrom(url, {
        mayReach: options.mayReach,
        signal: options.signal,
        accept: 'application/json',
        idleMs: options.idleMs ?? IDLE_MS,
        headers: options.authorization === null ? {} : { authorization: options.authorization },
        ...(options.ca === null ? {} : { ca: options.ca }),
      });
      const { statusCode = 0, headers } = reply;
      if ([301, 302, 303, 307, 308].includes(statusCode)) {
        reply.destroy();
        url = redirected(url, headers.location, redirects);
        continue;
      }
      const said = `${shown(url)} answers with status ${statusCode}`;
      if (statusCode === 429 || statusCode >= 500) {
        reply.destroy();
        return { retryMs: retryAfter(headers['retry-after'], options.now()), said };
      }
      if (statusCode === 401 || statusCode === 403) {
        reply.destroy();
        throw new SourceProblem('source-denied', `${said}: its secret is wrong, has expired, or may not read this`);
      }
      if (statusCode !== 200) {
        reply.destroy();
        throw new SourceProblem('source-not-there', `${said}: look whether its address is right`);
      }
      const type = headers['content-type'] ?? 'nothing';
      if (!/^application\/([a-z.+-]+\+)?json\b/i.test(type)) {
        reply.destroy();
        const hint = /html/i.test(type) ? ': a page for people, perhaps a login or a proxy' : '';
        throw new SourceProblem(
          'source-answer',
          `${shown(url)} answers with ${type.slice(0, 100)} instead of JSON${hint}`,
        );
      }
      const text = await receive(reply, url, Math.min(maxAnswer, left));
      left -= text.length;
      try {
        return { body: JSON.parse(text.toString('utf8')) as unknown, headers };
      } catch {
        throw new SourceProblem('source-answer', `${shown(url)} answers with JSON that ends in the middle or is none`);
      }
    }
  };

  return async url => {
    for (let attempt = 0; ; attempt++) {
      const answer = await once(url).catch(error => refused(error, url, options.signal));
      if ('body' in answer) return answer;
      const waitMs = answer.retryMs ?? FIRST_WAIT_MS * 2 ** attempt;
      if (attempt === MAX_RETRIES || waitMs > LONGEST_WAIT_MS)
        throw new SourceProblem(
          'source-not-there',
          `${answer.said}${answer.retryMs === null ? '' : ` and asks to wait ${Math.ceil(answer.retryMs / 1000)} s`}: it is asked again by the next import`,
        );
      await options.sleep(waitMs, options.signal).catch(() => {
        throw late(url);
      });
    }
  };
}

/** Without the query: what somebody filters by may be nobody else's business, and it is long. */
export const shown = (url: URL): string => `${url.origin}${url.pathname}`;

const late = (url: URL) =>
  new SourceProblem(
    'source-late',
    `${shown(url)} did not answer in time: nothing was imported; give the source a longer timeout, or ask for less`,
  );

function refused(error: unknown, url: URL, signal: AbortSignal): never {
  if (error instanceof SourceProblem) throw error;
  if (signal.aborted) throw late(url);
  if (error instanceof OutOfBounds)
    throw new SourceProblem(
      'source-not-there',
      `${error.message}: where the source really is there, open its network by the controller's setting landscapeNetworks`,
    );
  throw new SourceProblem('source-not-there', `${shown(url)}: ${(error as Error).message || 'no answer'}`);
}

function redirected(from: URL, location: string | undefined, redirects: number): URL {
  if (redirects === MAX_REDIRECTS || location === undefined || !URL.canParse(location, from.href))
    throw new SourceProblem(
      'source-not-there',
      `${shown(from)} leads on and on: ${MAX_REDIRECTS} redirects and no answer`,
    );
  const next = new URL(location, from);
  if (next.origin !== from.origin)
    throw new SourceProblem(
      'source-not-there',
      `${shown(from)} leads to ${next.origin}, which is not followed: where the source is there, write that address`,
    );
  return next;
}

/** Seconds, or a date (RFC 9110). */
function retryAfter(header: string | undefined, now: number): number | null {
  if (header === undefined) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

async function receive(reply: IncomingMessage, url: URL, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of reply as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > maxBytes) {
      reply.destroy();
      throw new SourceProblem(
        'source-too-large',
        `${shown(url)} answers with more than ${Math.round(maxBytes / 1024 / 1024)} MiB: ask for less`,
      );
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
