import type { Probe } from '../orchestrator/gate-watch.ts';
import type { Answer } from '../orchestrator/gates.ts';
import { getFrom, OutOfBounds } from './get-from.ts';
import { reachable } from './reachable.ts';

/** As much of an answer as is looked at: a check's text or a query's numbers are far below. */
const MAX_BYTES = 256 * 1024;

/**
 * Asks HTTP checks and Prometheus for gates. The name is resolved once and the connection goes to exactly that address, so
 * that a name cannot point elsewhere in between; redirects are an answer and are not followed.
 */
export function createProbe(allowed: readonly string[] = []): Probe {
  const mayReach = reachable(allowed);
  return async gate => {
    const url = new URL(gate.kind === 'http' ? gate.url : queryUrl(gate.url, gate.query));
    const deadline = AbortSignal.timeout(gate.timeoutMs);
    try {
      return await get(url, mayReach, deadline);
    } catch (error) {
      if (error instanceof OutOfBounds) return { problem: error.message };
      const timedOut = deadline.aborted ? `no answer within ${gate.timeoutMs} ms` : (error as Error).message;
      return { problem: `${url.host}: ${timedOut || 'no answer'}` };
    }
  };
}

const queryUrl = (base: string, query: string): string =>
  `${base.replace(/\/$/, '')}/api/v1/query?query=${encodeURIComponent(query)}`;

async function get(url: URL, mayReach: (address: string) => boolean, signal: AbortSignal): Promise<Answer> {
  const incoming = await getFrom(url, { mayReach, signal, accept: 'application/json, text/plain, */*' });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`its answer is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return { status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') };
}
