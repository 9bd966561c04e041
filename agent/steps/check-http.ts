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
    const response = await fetch(args.url, {
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
      headers: { connection: 'close' },
    });
    const { status } = response;
    const body = await readSome(response);
    if (status !== args.expectStatus) return { status, good: false, saw: `status ${status}` };
    if (args.expectText !== null && !body.includes(args.expectText))
      return { status, good: false, saw: `status ${status} without the text ${JSON.stringify(args.expectText)}` };
    return { status, good: true, saw: `status ${status}` };
  } catch (error) {
    return { status: null, good: false, saw: reason(error) };
  }
}

async function readSome(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    parts.push(part);
    size += part.length;
    if (size >= MAX_BODY_BYTES) break;
  }
  return Buffer.concat(parts).toString('utf8');
}

function reason(error: unknown): string {
  const cause = (error as { cause?: NodeJS.ErrnoException }).cause;
  if (cause?.code === 'ECONNREFUSED') return 'the connection is refused';
  if ((error as Error).name === 'TimeoutError') return `no answer within ${REQUEST_MS} ms`;
  return cause?.message ?? (error as Error).message;
}

const wanted = (args: { expectStatus: number; expectText: string | null }): string =>
  args.expectText === null
    ? `status ${args.expectStatus} is expected`
    : `status ${args.expectStatus} and the text ${JSON.stringify(args.expectText)} are expected`;
