import { lookup as resolveName } from 'node:dns/promises';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP } from 'node:net';
import type { Probe } from '../orchestrator/gate-watch.ts';
import type { Answer } from '../orchestrator/gates.ts';

/** As much of an answer as is looked at: a check's text or a query's numbers are far below. */
const MAX_BYTES = 256 * 1024;

/**
 * Where a policy must not make the controller go: itself, the link that it hangs on (cloud metadata lives there), and what
 * is no single host. Private networks are allowed: that is where a site's own services are.
 */
const FORBIDDEN: readonly [string, number, 'ipv4' | 'ipv6'][] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 127, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
  // IPv4 behind IPv6. Mapped addresses (::ffff:0:0/96) are judged as the IPv4 that they are: in this list they would be all of it.
  ['64:ff9b::', 96, 'ipv6'],
];

function forbidden(): BlockList {
  const list = new BlockList();
  for (const [network, prefix, family] of FORBIDDEN) list.addSubnet(network, prefix, family);
  return list;
}

const isIn = (list: BlockList, address: string): boolean => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

/**
 * Whether gates may go to this address. `allowed`: networks that the controller's configuration opens although they are
 * forbidden, as CIDR.
 */
export function reachable(allowed: readonly string[] = []): (address: string) => boolean {
  const blocked = forbidden();
  const open = new BlockList();
  for (const network of allowed) {
    const [address = '', prefix] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    open.addSubnet(address, Number(prefix ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  return address => !isIn(blocked, address) || isIn(open, address);
}

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
      const name = url.hostname.replace(/^\[|\]$/g, '');
      const { address, family } = await Promise.race([resolveName(name), aborted(deadline)]);
      if (!mayReach(address)) {
        return { problem: `${url.host} is at ${address}, where the controller does not go` };
      }
      return await get(url, { address, family }, deadline);
    } catch (error) {
      const timedOut = deadline.aborted ? `no answer within ${gate.timeoutMs} ms` : (error as Error).message;
      return { problem: `${url.host}: ${timedOut || 'no answer'}` };
    }
  };
}

const queryUrl = (base: string, query: string): string =>
  `${base.replace(/\/$/, '')}/api/v1/query?query=${encodeURIComponent(query)}`;

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('too late')), { once: true }));

function get(url: URL, target: { address: string; family: number }, signal: AbortSignal): Promise<Answer> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        signal,
        agent: false,
        headers: { accept: 'application/json, text/plain, */*', 'user-agent': 'tidemark' },
        // The certificate is still checked against the name.
        lookup: (_name, options, done) =>
          options.all ? done(null, [target]) : done(null, target.address, target.family),
      },
      incoming => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        incoming.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= MAX_BYTES) chunks.push(chunk);
          else incoming.destroy(new Error(`its answer is larger than ${MAX_BYTES} bytes`));
        });
        incoming.on('error', reject);
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}
