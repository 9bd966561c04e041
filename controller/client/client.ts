import { createReadStream } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { ErrorReply } from '../api/contract/common.ts';
import { API_PREFIX, type RouteDefinition } from '../api/contract/route.ts';
import { type ReplyOf, type RequestOf, type RouteName, routes } from '../api/contract/routes.ts';
import { ClientError } from './errors.ts';
import { createTransport, type Transport, type TransportReply } from './transport.ts';

type Given<T> = { [K in keyof T as T[K] extends undefined ? never : K]: T[K] };
type UploadName = 'importSignature' | 'importPackage' | 'giveRepositoryFile' | 'importAdvisories';
type Options = { signal?: AbortSignal; timeoutMs?: number };

/** One method a route of the contract: `client.getHost({ params: { name: 'db01' } })`. */
export type Client = {
  [N in Exclude<RouteName, UploadName>]: keyof Given<RequestOf<N>> extends never
    ? (request?: Options) => Promise<ReplyOf<N>>
    : (request: Given<RequestOf<N>> & Options) => Promise<ReplyOf<N>>;
} & {
  /** The body is streamed: the file itself, or whatever `content` gives. */
  [N in UploadName]: (
    request: Given<RequestOf<N>> & { bytes: number } & ({ file: string } | { content: Readable }) & Options,
  ) => Promise<ReplyOf<N>>;
} & {
  url: string;
  close(): void;
};

export interface ClientOptions {
  /** `https://HOST:PORT` */
  url: string;
  /** PEM of the fleet's CA. */
  ca: string;
  token: string | null;
  timeoutMs?: number;
  transport?: Transport;
}

/** 30 s for an answer; long polls add what they wait. */
const DEFAULT_TIMEOUT_MS = 30_000;
/** An archive is unpacked and hashed before the answer comes. */
const UPLOAD_TIMEOUT_MS = 600_000;

interface AnyRequest extends Options {
  params?: Record<string, string | number>;
  query?: { wait?: number } & Record<string, string | number | boolean | undefined>;
  body?: unknown;
  file?: string;
  content?: Readable;
  bytes?: number;
}

export function createClient(options: ClientOptions): Client {
  const transport = options.transport ?? createTransport(options.url, options.ca);
  const methods = Object.entries(routes as Record<string, RouteDefinition>).map(([name, route]) => [
    name,
    (request: AnyRequest = {}) => call(transport, options, route, request),
  ]);
  // The methods' types are derived from the same routes as the methods.
  return Object.assign(Object.fromEntries(methods), { url: options.url, close: () => transport.close() }) as Client;
}

async function call(
  transport: Transport,
  options: ClientOptions,
  route: RouteDefinition,
  request: AnyRequest,
): Promise<unknown> {
  const headers: OutgoingHttpHeaders = { accept: 'application/json' };
  if (options.token !== null && route.role !== 'anyone') headers.authorization = `Bearer ${options.token}`;
  const body = bodyOf(route, request, headers);
  const waitMs = Number(request.query?.wait ?? 0) * 1_000;
  const base = request.timeoutMs ?? options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const reply = await transport.send({
    method: route.method,
    path: pathOf(route, request),
    headers,
    body,
    idleMs: (route.bytes ? Math.max(base, UPLOAD_TIMEOUT_MS) : base) + waitMs,
    signal: request.signal,
  });
  return read(reply, route, options.url);
}

function bodyOf(route: RouteDefinition, request: AnyRequest, headers: OutgoingHttpHeaders): string | Readable | null {
  const content = request.content ?? (request.file === undefined ? null : createReadStream(request.file));
  if (route.bytes && content) {
    headers['content-type'] = 'application/octet-stream';
    headers['content-length'] = String(request.bytes ?? 0);
    return content;
  }
  if (!route.body) return null;
  const text = JSON.stringify(request.body ?? {});
  headers['content-type'] = 'application/json';
  headers['content-length'] = String(Buffer.byteLength(text));
  return text;
}

function pathOf(route: RouteDefinition, { params = {}, query = {} }: AnyRequest): string {
  const path = route.path.replace(/:([a-z]+)/g, (_, name: string) => encodeURIComponent(String(params[name] ?? '')));
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) search.set(key, String(value));
  const text = search.toString();
  return `${API_PREFIX}${path}${text ? `?${text}` : ''}`;
}

function read(reply: TransportReply, route: RouteDefinition, url: string): unknown {
  const json = parse(reply.text);
  if (reply.status >= 200 && reply.status < 300) {
    const checked = route.reply.safeParse(json);
    // What was sent is given on, not what the schema makes of it: a newer controller may say more.
    if (checked.success) return json;
    const issue = checked.error.issues[0];
    throw notUnderstood(url, `${issue?.path.join('.') || 'reply'}: ${issue?.message}`);
  }
  const refusal = ErrorReply.safeParse(json);
  if (!refusal.success) throw notUnderstood(url, `status ${reply.status} without an error of Tidemark's`);
  const { code, message, details } = refusal.data.error;
  if (reply.status === 401)
    throw new ClientError('token-refused', code, `${url} refused the token: ${message}`, details);
  if (reply.status === 403) throw new ClientError('denied', code, message, details);
  throw new ClientError(reply.status >= 500 ? 'failed' : 'refused', code, message, details);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const notUnderstood = (url: string, why: string): ClientError =>
  new ClientError(
    'not-understood',
    'not-understood',
    `${url} gave an answer that this version does not understand (${why}). Is it a Tidemark controller, of about the same version?`,
  );
