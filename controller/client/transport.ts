import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { ClientError, connectionError, timeoutError } from './errors.ts';

export interface TransportRequest {
  method: string;
  /** Path and query. */
  path: string;
  headers: OutgoingHttpHeaders;
  body: string | Readable | null;
  /** Without a byte from the other side for so long, the call has failed. */
  idleMs: number;
  signal?: AbortSignal | undefined;
}

export interface TransportReply {
  status: number;
  text: string;
}

/** Carries one request to the controller. */
export interface Transport {
  send(request: TransportRequest): Promise<TransportReply>;
  close(): void;
}

/** 64 MiB: the largest reply is a plan of 10,000 hosts with some 30 MB. */
const MAX_REPLY_BYTES = 64 * 1024 * 1024;

/** HTTPS that trusts exactly the given CA (PEM) and none of the machine's: the fleet's CA vouches for its controller. */
export function createTransport(baseUrl: string, ca: string): Transport {
  const base = parseBase(baseUrl);
  const agent = new Agent({ ca, keepAlive: true, minVersion: 'TLSv1.2' });
  return {
    send: request => send(base, agent, request),
    close: () => agent.destroy(),
  };
}

function parseBase(text: string): URL {
  if (!URL.canParse(text)) throw new ClientError('unreachable', 'bad-url', `${text} is no URL: give https://HOST:PORT`);
  const url = new URL(text);
  if (url.protocol !== 'https:')
    throw new ClientError('unreachable', 'bad-url', `${text} is not https: the token would travel in the clear`);
  return url;
}

function send(base: URL, agent: Agent, request: TransportRequest): Promise<TransportReply> {
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest({
      agent,
      host: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port || 443,
      path: request.path,
      method: request.method,
      headers: request.headers,
      signal: request.signal,
    });
    let answered = false;
    const fail = (error: unknown) => {
      if (answered) return;
      reject(error instanceof ClientError ? error : connectionError(error, base.origin));
    };
    outgoing.setTimeout(request.idleMs, () => {
      outgoing.destroy(timeoutError(base.origin, Math.round(request.idleMs / 1_000)));
    });
    outgoing.once('error', fail);
    outgoing.once('response', response => {
      collect(response).then(text => {
        answered = true;
        resolve({ status: response.statusCode ?? 0, text });
      }, fail);
    });
    if (request.body === null || typeof request.body === 'string') {
      outgoing.end(request.body ?? undefined);
    } else {
      const { body } = request;
      body.once('error', error => {
        outgoing.destroy(new ClientError('refused', 'unreadable', `the file cannot be read: ${error.message}`));
      });
      // A refusal may come before all is sent; then nobody reads the rest.
      outgoing.once('close', () => body.destroy());
      body.pipe(outgoing);
    }
  });
}

async function collect(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_REPLY_BYTES) {
      response.destroy();
      throw new ClientError('not-understood', 'too-large', 'the answer is larger than any that a controller gives');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
