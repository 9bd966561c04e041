import { type ServiceError, status } from '@grpc/grpc-js';
import type { Caller, Identify } from './ports.ts';

/**
 * Who may call what. An RPC that does not stand here is denied to everybody, also when it is served: a new one is
 * closed until somebody has thought about who may call it.
 */
export const AUTHORISATION = {
  '/tidemark.v1.Enrolment/Enrol': 'anyone',
  '/tidemark.v1.Enrolment/RenewExpired': 'anyone',
  '/tidemark.v1.Link/Connect': 'agent',
  '/tidemark.v1.Link/Renew': 'agent',
  '/tidemark.v1.Artifact/Download': 'agent',
  '/tidemark.v1.Fingerprint/Upload': 'agent',
} as const satisfies Record<string, CallerKind>;

/** `agent`: a client certificate that is known, not revoked and not expired. `anyone`: no certificate at all. */
export type CallerKind = 'anyone' | 'agent';

/** The part of a gRPC call that says who is calling. */
export interface CallerContext {
  getAuthContext(): { sslPeerCertificate?: { raw?: Buffer } };
}

/** A status for one call. */
export class CallRefused extends Error implements Partial<ServiceError> {
  override name = 'CallRefused';
  readonly code: status;
  readonly details: string;

  constructor(code: status, details: string) {
    super(details);
    this.code = code;
    this.details = details;
  }
}

/** Whether this path may be called without a certificate; throws {@link CallRefused} where it may not. */
export function authoriseAnyone(path: string): void {
  if (kindFor(path) !== 'anyone') throw denied(path);
}

/** The agent that calls; throws {@link CallRefused} where it is none, or may not. */
export async function authoriseAgent(path: string, call: CallerContext, identify: Identify): Promise<Caller> {
  if (kindFor(path) !== 'agent') throw denied(path);
  const certificate = call.getAuthContext().sslPeerCertificate?.raw;
  if (certificate === undefined) throw new CallRefused(status.UNAUTHENTICATED, 'this call needs a client certificate');
  const caller = await identify(certificate);
  if (!caller.ok) throw new CallRefused(status.UNAUTHENTICATED, caller.error);
  return caller.value;
}

function kindFor(path: string): CallerKind | undefined {
  return Object.hasOwn(AUTHORISATION, path) ? AUTHORISATION[path as keyof typeof AUTHORISATION] : undefined;
}

const denied = (path: string) => new CallRefused(status.PERMISSION_DENIED, `${path} is not allowed to this caller`);
