import { randomBytes, randomUUID, X509Certificate } from 'node:crypto';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { encodeToken, parseToken } from '@tidemark/shared/protocol/token.ts';
import { type AgentCertificate, type Authority, keyHashOf, requestedKey, serialOf } from './authority.ts';
import { type EnrolmentError, type EnrolmentErrorCode, Refused } from './errors.ts';
import { hostIdIn, isHostName } from './names.ts';
import type { EnrolmentStore, EnrolmentTransaction, HostRecord, TokenUse } from './ports.ts';

/** Long enough to walk over to the server, short enough that one left in a history is worth nothing. */
export const TOKEN_LIFE_MS = 10 * 60_000;
/** Longer lives are for fleets that are set up by a machine; more than a day is a password. */
const MAX_TOKEN_LIFE_MS = 24 * 3_600_000;
/** A reply was lost: the same key may ask again for this long. */
const RETRY_MS = 5 * 60_000;

export interface EnrolmentService {
  issueToken(request: {
    hostName: string;
    ttlMs?: number;
    by: string;
  }): Promise<Result<{ id: string; token: string; expiresAtMs: number }, EnrolmentError>>;
  enrol(request: { token: string; csr: Buffer; peer: string }): Promise<Result<Enrolled, EnrolmentError>>;
  /** For a host whose present certificate has been checked. */
  renew(request: { hostId: string; csr: Buffer }): Promise<Result<{ chain: Buffer[] }, EnrolmentError>>;
  /** For a host whose certificate has expired: the request must be signed by that certificate's key. */
  renewExpired(request: { certificate: Buffer; csr: Buffer }): Promise<Result<{ chain: Buffer[] }, EnrolmentError>>;
  /** Takes the host's identity away; it may enrol anew. */
  evict(request: { host: string; by: string }): Promise<Result<HostRecord, EnrolmentError>>;
  /** Takes the host's identity away for good. */
  ban(request: { host: string; by: string }): Promise<Result<HostRecord, EnrolmentError>>;
  /** Who holds this certificate (DER): known, not revoked, and the host still welcome. */
  hostOf(certificate: Buffer): Promise<Result<Holder, EnrolmentError>>;
  hosts(): Promise<HostRecord[]>;
  seen: EnrolmentStore['seen'];
  forgetConnections: EnrolmentStore['forgetConnections'];
}

export interface Enrolled {
  hostId: string;
  hostName: string;
  chain: Buffer[];
  root: Buffer;
  fleet: string;
  linkAddress: string;
  dispatchKey: Buffer;
}

export interface Holder {
  hostId: string;
  hostName: string;
  serial: string;
  notAfterMs: number;
}

export interface EnrolmentOptions {
  store: EnrolmentStore;
  authority: Authority;
  clock: Clock;
  /** host:port that agents are told to connect to. A function, since the port may be known only after listening. */
  linkAddress: () => string;
  /** Cuts what the host has open; called when the loss of its identity is committed. */
  disconnect: (hostId: string, reason: string) => void;
}

export function createEnrolment(options: EnrolmentOptions): EnrolmentService {
  const { store, authority, clock } = options;

  /** A Result out of a transaction that {@link Refused} undoes. */
  async function attempt<T>(work: (tx: EnrolmentTransaction) => Promise<T>): Promise<Result<T, EnrolmentError>> {
    try {
      return ok(await store.transaction(work));
    } catch (error) {
      if (error instanceof Refused) return err(error.error);
      throw error;
    }
  }

  async function certify(tx: EnrolmentTransaction, hostId: string, publicKey: Buffer): Promise<AgentCertificate> {
    const issued = await authority.issueAgent({ publicKey, hostId, nowMs: clock.now() });
    await tx.addCertificate({
      serial: issued.serial,
      hostId,
      keyHash: keyHashOf(publicKey),
      notAfterMs: issued.notAfterMs,
    });
    return issued;
  }

  async function renewFor(hostId: string, publicKey: Buffer) {
    return attempt(async tx => {
      const host = await tx.host(hostId);
      if (host?.state !== 'enrolled')
        throw new Refused('certificate-refused', notWelcome(host?.name ?? `host ${hostId}`));
      const { chain, serial } = await certify(tx, hostId, publicKey);
      await tx.audit({
        actor: `agent:${hostId}`,
        action: 'host.renewed',
        subject: `host ${host.name}`,
        detail: { serial },
      });
      return { chain };
    });
  }

  async function takeAway(host: string, by: string, state: 'evicted' | 'banned') {
    const taken = await attempt(async tx => {
      const record = await tx.hostNamed(host);
      if (record === null)
        throw new Refused('host-unknown', `no host is called ${host}: "tidemark get hosts" lists those there are`);
      // Lifting a ban by evicting would make the two the same.
      if (record.state === 'banned' && state === 'evicted')
        throw new Refused('host-banned', `${host} is banned, which is more than evicted`);
      await tx.setHostState(record.hostId, state);
      await tx.revokeCertificates(record.hostId, clock.now());
      await tx.audit({
        actor: by,
        action: `host.${state}`,
        subject: `host ${host}`,
        detail: { hostId: record.hostId },
      });
      return { ...record, state };
    });
    if (taken.ok) options.disconnect(taken.value.hostId, `this host has been ${state}`);
    return taken;
  }

  /** The certificate's holder, its time aside: TLS has looked at that, and an expired one may still be renewed. */
  async function holderOf(der: Buffer): Promise<Result<{ holder: Holder; certificate: X509Certificate }, string>> {
    const certificate = readCertificate(der);
    if (certificate === null) return err('this is no certificate');
    if (!authority.signedAgent(certificate)) return err('the certificate is not one of an agent of this fleet');
    const hostId = hostIdIn(certificate.subjectAltName, authority.fleet);
    if (hostId === null) return err(`the certificate names no agent of fleet ${authority.fleet}`);
    const serial = serialOf(certificate);
    const record = await store.certificate(serial);
    if (record === null || record.host.hostId !== hostId)
      return err('the controller does not know this certificate: enrol the server anew');
    if (record.revoked || record.host.state !== 'enrolled') return err(notWelcome(record.host.name));
    const holder = { hostId, hostName: record.host.name, serial, notAfterMs: certificate.validToDate.getTime() };
    return ok({ holder, certificate });
  }

  return {
    issueToken: async ({ hostName, ttlMs = TOKEN_LIFE_MS, by }) => {
      if (!isHostName(hostName)) {
        return refuse(
          'request-invalid',
          `"${hostName.slice(0, 80)}" is no host name: letters, digits, dots, hyphens and underscores`,
        );
      }
      if (!(ttlMs >= 1000 && ttlMs <= MAX_TOKEN_LIFE_MS))
        return refuse('request-invalid', 'a token lives for a second at least and 24 hours at most');
      const secret = randomBytes(32);
      const id = randomBytes(8).toString('hex');
      const expiresAtMs = clock.now() + ttlMs;
      return attempt(async tx => {
        checkMayEnrol(hostName, await tx.hostNamed(hostName));
        await tx.addToken({ id, secretHash: sha256(secret), hostName, expiresAtMs, by });
        await tx.audit({
          actor: by,
          action: 'enrolment-token.issued',
          subject: `host ${hostName}`,
          detail: { token: id, expiresAt: expiresAtMs },
        });
        return { id, expiresAtMs, token: encodeToken({ id, secret, authorityKeyHash: authority.rootKeyHash }) };
      });
    },

    enrol: async ({ token, csr, peer }) => {
      const parsed = parseToken(token);
      if (!parsed.ok) return refuse('token-unknown', TOKEN_UNKNOWN);
      const key = await requestedKey(csr);
      if (!key.ok) return refuse('request-invalid', `the certificate request was refused: ${key.error}`);
      return attempt(async tx => {
        const use = await tx.useToken({
          id: parsed.value.id,
          secretHash: sha256(parsed.value.secret),
          keyHash: keyHashOf(key.value),
          nowMs: clock.now(),
          retryMs: RETRY_MS,
        });
        const { hostName, again } = usable(use);
        const hostId = await placeFor(tx, hostName, again);
        const { chain, serial } = await certify(tx, hostId, key.value);
        await tx.audit({
          actor: `token:${parsed.value.id}`,
          action: 'host.enrolled',
          subject: `host ${hostName}`,
          detail: { hostId, serial, peer },
        });
        return {
          hostId,
          hostName,
          chain,
          root: authority.rootDer,
          fleet: authority.fleet,
          linkAddress: options.linkAddress(),
          dispatchKey: authority.dispatchPublicKey,
        };
      });
    },

    renew: async ({ hostId, csr }) => {
      const key = await requestedKey(csr);
      if (!key.ok) return refuse('request-invalid', `the certificate request was refused: ${key.error}`);
      return renewFor(hostId, key.value);
    },

    renewExpired: async ({ certificate, csr }) => {
      const key = await requestedKey(csr);
      if (!key.ok) return refuse('request-invalid', `the certificate request was refused: ${key.error}`);
      const held = await holderOf(certificate);
      if (!held.ok) return refuse('certificate-refused', held.error);
      const itsKey = held.value.certificate.publicKey.export({ format: 'der', type: 'spki' });
      if (!itsKey.equals(key.value))
        return refuse('request-invalid', 'the certificate request is not by the key of the certificate');
      return renewFor(held.value.holder.hostId, key.value);
    },

    evict: ({ host, by }) => takeAway(host, by, 'evicted'),
    ban: ({ host, by }) => takeAway(host, by, 'banned'),

    hostOf: async certificate => {
      const held = await holderOf(certificate);
      if (!held.ok) return refuse('certificate-refused', held.error);
      if (held.value.holder.notAfterMs <= clock.now())
        return refuse('certificate-refused', 'the certificate has expired: the agent renews it by itself');
      return ok(held.value.holder);
    },

    hosts: () => store.hosts(),
    seen: seen => store.seen(seen),
    forgetConnections: () => store.forgetConnections(),
  };
}

const TOKEN_UNKNOWN =
  'the controller does not know this token: copy it whole, or ask for a new one (tidemark enrol token HOST)';

function usable(use: TokenUse): { hostName: string; again: boolean } {
  switch (use.outcome) {
    case 'used':
      return use;
    case 'unknown':
      throw new Refused('token-unknown', TOKEN_UNKNOWN);
    case 'used-before':
      throw new Refused(
        'token-used',
        'this token has been used before: ask for a new one, and if it was not you who used it, evict that host',
      );
    case 'expired':
      throw new Refused('token-expired', 'this token has expired: ask for a new one');
  }
}

/** The record that the new agent gets: a new one, or that of an evicted host, so that its history goes on. */
async function placeFor(tx: EnrolmentTransaction, hostName: string, again: boolean): Promise<string> {
  const host = await tx.hostNamed(hostName);
  if (again && host?.state === 'enrolled') return host.hostId;
  checkMayEnrol(hostName, host);
  if (host !== null) {
    await tx.setHostState(host.hostId, 'enrolled');
    return host.hostId;
  }
  const hostId = randomUUID();
  if (!(await tx.addHost({ hostId, name: hostName }))) throw new Refused('host-enrolled', alreadyEnrolled(hostName));
  return hostId;
}

function checkMayEnrol(hostName: string, host: HostRecord | null): void {
  if (host?.state === 'banned')
    throw new Refused('host-banned', `${hostName} is banned: it may not come back under this name`);
  if (host?.state === 'enrolled') {
    throw new Refused('host-enrolled', alreadyEnrolled(hostName));
  }
}

const alreadyEnrolled = (hostName: string): string =>
  `${hostName} is enrolled already: evict it first if its server was set up anew`;

const notWelcome = (hostName: string): string =>
  `${hostName} is no longer part of the fleet: its identity was taken away. Enrol it anew if that was a mistake`;

const refuse = (code: EnrolmentErrorCode, message: string) => err({ code, message });

function readCertificate(der: Buffer): X509Certificate | null {
  try {
    return new X509Certificate(der);
  } catch {
    return null;
  }
}
