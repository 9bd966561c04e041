import type { ErrorDetail } from '../api/contract/common.ts';

export type ClientErrorKind =
  /** No connection came about. */
  | 'unreachable'
  /** Somebody answered, but not with a certificate of the fleet that we know. */
  | 'untrusted'
  | 'timeout'
  /** The token is not (or no longer) good. */
  | 'token-refused'
  /** The token is good, but not for this. */
  | 'denied'
  /** The controller says no, with a reason. */
  | 'refused'
  /** The controller failed by itself. */
  | 'failed'
  /** An answer that this version does not understand. */
  | 'not-understood';

/** Why a call gave no answer, in words that say what to do next. */
export class ClientError extends Error {
  override name = 'ClientError';
  readonly kind: ClientErrorKind;
  /** The controller's own code where it gave one, else the operating system's or TLS's. */
  readonly code: string;
  readonly details: readonly ErrorDetail[];

  constructor(kind: ClientErrorKind, code: string, message: string, details: readonly ErrorDetail[] = []) {
    super(message);
    this.kind = kind;
    this.code = code;
    this.details = details;
  }
}

const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'INVALID_CA',
]);

const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there. Is the controller running, and is the port right?',
  ENOTFOUND: 'the name is not known. Is it spelled right, and does DNS work here?',
  EAI_AGAIN: 'the name could not be looked up just now. Does DNS work here?',
  EHOSTUNREACH: 'there is no way to that host. Is the network up?',
  ENETUNREACH: 'there is no way to that network. Is the network up?',
  ECONNRESET: 'the connection was cut. Is the controller restarting, or a proxy in between?',
  EPIPE: 'the connection was cut. Is the controller restarting, or a proxy in between?',
  ETIMEDOUT: 'nobody answered. Is a firewall in between?',
  EPROTO: 'what answers there does not speak TLS. Is it the port of the controller?',
  ERR_SSL_WRONG_VERSION_NUMBER: 'what answers there does not speak TLS. Is it the port of the controller?',
};

/** Makes of a failed connection to `url` an error that says what, where and what to check. */
export function connectionError(error: unknown, url: string): ClientError {
  const { code = 'unknown', message } = error as { code?: string; message: string };
  if (UNTRUSTED.has(code)) {
    return new ClientError(
      'untrusted',
      code,
      `${url} shows a certificate that the CA of this context did not sign. Is it another controller, or has its CA been made anew? If so, log in again with its ca.pem; if not, somebody may be in between`,
    );
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return new ClientError(
      'untrusted',
      code,
      `the certificate of ${url} is not valid at this time. Are the clocks right, here and there? A controller renews its certificate when it starts`,
    );
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return new ClientError(
      'untrusted',
      code,
      `the certificate of ${url} is for another name. Log in with a name or address that the controller was set up with`,
    );
  }
  const hint = UNREACHABLE[code] ?? `${message}`;
  return new ClientError('unreachable', code, `the controller at ${url} cannot be reached: ${hint}`);
}

export const timeoutError = (url: string, seconds: number): ClientError =>
  new ClientError(
    'timeout',
    'timeout',
    `the controller at ${url} did not answer within ${seconds} s. Is it overloaded? Its log and "tidemark run list" say more; --timeout waits longer`,
  );
