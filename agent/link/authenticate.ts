import { timingSafeEqual, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { CONTROLLER_SERVER_NAME } from '@tidemark/shared/protocol/limits.ts';

/** Long for a handshake, short for a person who waits. */
const HANDSHAKE_MS = 10_000;
/** Leaf, intermediate and root; a longer chain is not ours. */
const MAX_CHAIN = 5;

export type AuthenticationError = { code: 'unreachable' | 'wrong-authority'; message: string };

/**
 * Looks at the certificates that a server shows and gives the root among them whose public key has this hash. Nothing is
 * sent and nothing trusted here: the caller opens a new connection that trusts this root alone, so that the
 * TLS library verifies the chain, the names and the times as for any other.
 */
export async function findPinnedRoot(
  address: { host: string; port: number },
  keyHash: Buffer,
): Promise<Result<X509Certificate, AuthenticationError>> {
  const where = `${address.host}:${address.port}`;
  const shown = await shownCertificates(address);
  if (!shown.ok) {
    return err({
      code: 'unreachable',
      message: `cannot reach the controller at ${where}: ${shown.error}. Check the address, the enrolment port, and firewalls between`,
    });
  }
  const root = shown.value.find(certificate => {
    const hash = sha256(certificate.publicKey.export({ format: 'der', type: 'spki' }));
    return timingSafeEqual(hash, keyHash);
  });
  // Signed by itself: a stranger could else put its own names and dates around the key.
  if (root === undefined || !root.ca || !root.verify(root.publicKey)) {
    return err({
      code: 'wrong-authority',
      message:
        `the server at ${where} is not the controller that made this token: its certificates do not lead to the key ` +
        'in the token. Nothing was sent to it. Check the address; if it is right, somebody may be in between',
    });
  }
  return ok(root);
}

function shownCertificates(address: { host: string; port: number }): Promise<Result<X509Certificate[], string>> {
  return new Promise(resolve => {
    let socket: TLSSocket | null = null;
    const finish = (result: Result<X509Certificate[], string>) => {
      socket?.removeAllListeners();
      // A late error of a socket that nobody needs any more.
      socket?.on('error', () => {});
      socket?.destroy();
      resolve(result);
    };
    socket = connect({
      host: address.host,
      port: address.port,
      servername: isIP(address.host) === 0 ? address.host : CONTROLLER_SERVER_NAME,
      ALPNProtocols: ['h2'],
      minVersion: 'TLSv1.2',
      // Only to see them; no byte of the application is sent over this connection.
      rejectUnauthorized: false,
      timeout: HANDSHAKE_MS,
    });
    socket.once('secureConnect', () => finish(ok(chainOf(socket?.getPeerCertificate(true)))));
    socket.once('timeout', () => finish(err(`no answer within ${HANDSHAKE_MS / 1000} s`)));
    socket.once('error', (error: NodeJS.ErrnoException) => finish(err(connectProblem(error))));
    socket.once('end', () => finish(err('it closed the connection; is this the enrolment port?')));
  });
}

/** Errors of TLS are several lines of a library's file names: what a person can use is which kind it is. */
function connectProblem({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL') return 'what listens there is not its enrolment port';
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'EPROTO') return 'what listens there does not speak TLS';
  if (code === 'ECONNREFUSED') return 'nothing listens there (ECONNREFUSED)';
  const [first = ''] = message.split('\n');
  return code === undefined ? first : `${code} (${first})`;
}

function chainOf(leaf: DetailedPeerCertificate | undefined): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = leaf;
  while (next?.raw !== undefined && chain.length < MAX_CHAIN) {
    chain.push(new X509Certificate(next.raw));
    // The root is its own issuer.
    if (next.issuerCertificate === next) break;
    next = next.issuerCertificate;
  }
  return chain;
}
