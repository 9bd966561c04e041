import type { ReplyOf, RequestOf, RouteName, Routes } from '@tidemark/controller/api/contract/routes.ts';
import { parsePlain } from './plain.ts';

const PREFIX = '/api/v1';

type Given<T> = { [K in keyof T as T[K] extends undefined ? never : K]: T[K] };
export type RequestFor<N extends RouteName> = Given<RequestOf<N>>;
export type MethodOf<N extends RouteName> = Routes[N]['method'];
export type PathOf<N extends RouteName> = Routes[N]['path'];

interface AnyRequest {
  params?: Record<string, string | number>;
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
}

/** Why something was not answered, in words for people. `code` is the controller's own. */
export class AskError extends Error {
  override name = 'AskError';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Called where the controller says that nobody is signed in. */
let whenSignedOut: () => void = () => {};
export const onSignedOut = (listener: () => void): void => {
  whenSignedOut = listener;
};

let csrf = '';
export const repeatCsrf = (value: string): void => {
  csrf = value;
};

/** Asks the controller. Method and path are those of the contract: the compiler compares them. */
export async function ask<N extends RouteName>(
  method: MethodOf<N>,
  path: PathOf<N>,
  request: RequestFor<N>,
  signal?: AbortSignal,
): Promise<ReplyOf<N>> {
  const { params = {}, query = {}, body } = request as AnyRequest;
  const filled = path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name])));
  const asked = new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
  const reply = await send(method, `${PREFIX}${filled}${asked.size > 0 ? `?${asked}` : ''}`, body, signal);
  return reply as ReplyOf<N>;
}

/** One request to the controller that the console came from. */
export async function send(method: string, url: string, body?: unknown, signal?: AbortSignal): Promise<unknown> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (method !== 'GET') Object.assign(headers, { 'x-tidemark-csrf': csrf });
  if (body !== undefined) headers['content-type'] = 'application/json';
  const response = await fetch(url, {
    ...{ method, headers, credentials: 'same-origin', cache: 'no-store' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  }).catch(error => {
    if (signal?.aborted) throw error;
    throw new AskError(
      0,
      'unreachable',
      'the controller does not answer: is it running, and is this machine connected?',
    );
  });
  const text = await response.text();
  const answer = text === '' ? null : parsePlain(text);
  if (response.ok) return answer;
  const { code = 'unknown', message = response.statusText } =
    (answer as { error?: { code: string; message: string } } | null)?.error ?? {};
  if (response.status === 401) whenSignedOut();
  throw new AskError(response.status, code, message);
}
