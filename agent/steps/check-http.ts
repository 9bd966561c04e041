import type { IncomingMessage } from 'node:http';
import { resolveTarget } from '../platform/network-target.ts';
import { type Executor, report, StepFailed } from './executor.ts';

/** An answer is a health page, not a download. */
const MAX_BODY_BYTES = 1024 * 1024;
const POLL_MS = 250;
/** A server that accepts and never answers must not use up all of the time for trying. */
const REQUEST_MS = 10_000;

interface Answer {
  status: number | null;
  good: boolean;
  /** `status 503`, `connection refused`. */
  saw: string;
}

/** Redirects are not followed: a health page that is elsewhere is another health page. */
export const checkHttp: Executor<'check/http'> = async (args, context) => {
  const begun = context.clock.monotonic();
  const until = begun + args.withinMs;
  for (let tries = 1; ; tries++) {
    const answer = await ask(args, context.signal);
    const tookMs = Math.round(context.clock.monotonic() - begun);
    const facts = { url: args.url, status: answer.status, tries, tookMs };
    if (answer.good) return report(`${args.url} answers with ${answer.saw} after ${tookMs} ms`, facts);
    if (context.signal.aborted || context.clock.monotonic() + POLL_MS > until) {
      throw new StepFailed(`${args.url} is not healthy after ${tookMs} ms: ${answer.saw}; ${wanted(args)}`, facts);
    }
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
};

async function ask(
  args: { url: string; expectStatus: number; expectText: string | null },
  signal: AbortSignal,
): Promise<Answer> {
  try {
    const { status, body } = await get(new URL(args.url), AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]));
    if (status !== args.expectStatus) return { status, good: false, saw: `status ${status}` };
    if (args.expectText !== null && !body.includes(args.expectText))
      return { status, good: false, saw: `status ${status} without the text ${JSON.stringify(args.expectText)}` };
    return { status, good: true, saw: `status ${status}` };
  } catch (error) {
    return { status: null, good: false, saw: reason(error) };
  }
}

/** One request to the addresses that the host has now. What a redirect names is never asked. */
async function get(url: URL, signal: AbortSignal): Promise<{ status: number; body: string }> {
  const addresses = await resolveTarget(url.hostname);
  const { request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      agent: false,
      signal,
      headers: { connection: 'close', 'user-agent': 'tidemark-agent' },
      lookup: (_host, options, callback) => {
        const [first] = addresses;
        if (options.all) callback(null, addresses);
        else callback(null, first?.address ?? '', first?.family);
      },
    });
    asked.once('error', reject);
    asked.once('response', response => {
      readSome(response).then(body => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    asked.end();
  });
}

async function readSome(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part);
    size += part.length;
    if (size >= MAX_BODY_BYTES) break;
  }
  return Buffer.concat(parts).toString('utf8');
}

function reason(error: unknown): string {
  const { code, name, message, cause } = error as NodeJS.ErrnoException & { cause?: Error };
  if (code === 'ECONNREFUSED') return 'the connection is refused';
  if (code === 'ENOTFOUND') return 'nobody knows that name';
  if (cause?.name === 'TimeoutError' || name === 'TimeoutError') return `no answer within ${REQUEST_MS} ms`;
  return message || (code ?? name);
}

const wanted = (args: { expectStatus: number; expectText: string | null }): string =>
  args.expectText === null
    ? `status ${args.expectStatus} is expected`
    : `status ${args.expectStatus} and the text ${JSON.stringify(args.expectText)} are expected`;
