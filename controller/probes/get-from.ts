import { lookup as resolveName } from 'node:dns/promises';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { rootCertificates } from 'node:tls';

/** Where it leads is no place for the controller to go. */
export class OutOfBounds extends Error {
  override name = 'OutOfBounds';
}

export interface GetOptions {
  mayReach: (address: string) => boolean;
  signal: AbortSignal;
  accept?: string;
  /** Without a byte for so long, the request has failed. */
  idleMs?: number;
  /** Sent beside the usual ones. */
  headers?: Readonly<Record<string, string>>;
  /** PEM of authorities that count beside those that the system trusts. */
  ca?: string;
}

/**
 * The reply to GET as it begins. The name is resolved once and the connection goes to exactly that address, so that a name
 * cannot point elsewhere in between; redirects are an answer and are not followed. Rejects with {@link OutOfBounds} where
 * the controller must not go.
 */
export async function getFrom(
  url: URL,
  { mayReach, signal, accept = '*/*', idleMs, headers = {}, ca }: GetOptions,
): Promise<IncomingMessage> {
  const name = url.hostname.replace(/^\[|\]$/g, '');
  const target = await Promise.race([resolveName(name), aborted(signal)]);
  if (!mayReach(target.address))
    throw new OutOfBounds(`${url.host} is at ${target.address}, where the controller does not go`);
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        signal,
        agent: false,
        headers: { ...headers, accept, 'user-agent': 'tidemark', 'accept-encoding': 'identity' },
        ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
        // The certificate is still checked against the name.
        lookup: (_name, options, done) =>
          options.all ? done(null, [target]) : done(null, target.address, target.family),
      },
      resolve,
    );
    if (idleMs !== undefined)
      outgoing.setTimeout(idleMs, () => outgoing.destroy(new Error(`nothing came for ${idleMs / 1000} s`)));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(new Error('too late')), { once: true });
  });
