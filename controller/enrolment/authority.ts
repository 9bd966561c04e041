import 'reflect-metadata';
import { createPrivateKey, type KeyObject, X509Certificate as NodeCertificate, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import { rawPublicKey } from '@tidemark/shared/signing/ed25519.ts';
import type { KeyFiles } from './key-files.ts';
import { P256, SIGNING } from './key-files.ts';
import { agentUri } from './names.ts';

x509.cryptoProvider.set(webcrypto);

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** An agent that is lost or copied is worth a day; renewed at half of it. */
export const AGENT_CERTIFICATE_MS = 24 * HOUR_MS;

/** Made anew at each start of the controller. 397 days is the most that clients in use take (CA/Browser Forum, 2020). */
const SERVER_CERTIFICATE_MS = 397 * DAY_MS;

/** Clocks differ: a certificate that was made now is good for servers that are behind. */
const CLOCK_SKEW_MS = 10 * 60_000;

/** What a server presents: PEM, with the root at the end, so that an agent can find the key that its token names. */
export interface ServerCertificate {
  keyPem: string;
  chainPem: string;
}

/** The fleet's certificate authority, as far as a running controller needs it: the root's key is not in it. */
export interface Authority {
  fleet: string;
  rootPem: string;
  rootDer: Buffer;
  /** SHA-256 of the root's public key: the part of a token by which agents know the controller. */
  rootKeyHash: Buffer;
  /** Signs dispatches. */
  dispatchKey: KeyObject;
  /** Raw, 32 bytes. */
  dispatchPublicKey: Buffer;
  issueAgent(request: { publicKey: Buffer; hostId: string; nowMs: number }): Promise<AgentCertificate>;
  /** `names` are DNS names and IP addresses. */
  issueServer(request: {
    commonName: string;
    names: readonly string[];
    nowMs: number;
    lifeMs?: number;
  }): Promise<ServerCertificate>;
  /** Whether the agents' intermediate signed it; says nothing of its time or revocation. */
  signedAgent(certificate: NodeCertificate): boolean;
}

export interface AgentCertificate {
  serial: string;
  notAfterMs: number;
  /** DER: leaf, then the agents' intermediate. */
  chain: Buffer[];
}

/** The public key of a certificate request (DER), or what is wrong with the request. Nothing else in it is looked at. */
export async function requestedKey(csr: Buffer): Promise<{ ok: true; value: Buffer } | { ok: false; error: string }> {
  try {
    const request = new x509.Pkcs10CertificateRequest(csr);
    const algorithm = request.publicKey.algorithm as { name: string; namedCurve?: string };
    if (algorithm.name !== 'ECDSA' || algorithm.namedCurve !== P256.namedCurve) {
      return { ok: false, error: `its key is ${algorithm.name} ${algorithm.namedCurve ?? ''}, agents use ECDSA P-256` };
    }
    // Proof of possession: without it a key that somebody else holds could be enrolled under this name.
    if (!(await request.verify())) return { ok: false, error: 'its signature is not by the key in it' };
    return { ok: true, value: Buffer.from(request.publicKey.rawData) };
  } catch {
    return { ok: false, error: 'it is no PKCS#10 request' };
  }
}

export const keyHashOf = (publicKey: Uint8Array): Buffer => sha256(publicKey);

/** Puts the authority together from its files. */
export async function authorityFrom(files: KeyFiles): Promise<Authority> {
  const root = new x509.X509Certificate(files.rootCertificate);
  const agents = new x509.X509Certificate(files.agentsCertificate);
  const controller = new x509.X509Certificate(files.controllerCertificate);
  const agentsKey = await importSigningKey(files.agentsKey);
  const controllerKey = await importSigningKey(files.controllerKey);
  const agentsPublicKey = new NodeCertificate(files.agentsCertificate).publicKey;
  const dispatchKey = createPrivateKey(files.dispatchKey);
  const rootDer = Buffer.from(root.rawData);

  return {
    fleet: files.fleet,
    rootPem: files.rootCertificate,
    rootDer,
    rootKeyHash: keyHashOf(Buffer.from(root.publicKey.rawData)),
    dispatchKey,
    dispatchPublicKey: rawPublicKey(dispatchKey),
    signedAgent: certificate => certificate.verify(agentsPublicKey),
    issueAgent: async ({ publicKey, hostId, nowMs }) => {
      const notAfterMs = wholeSeconds(nowMs + AGENT_CERTIFICATE_MS);
      const leaf = await issue({
        subject: [{ CN: [hostId] }],
        issuer: agents,
        signingKey: agentsKey,
        publicKey: new x509.PublicKey(publicKey),
        nowMs,
        notAfterMs,
        usage: x509.ExtendedKeyUsage.clientAuth,
        names: [{ type: 'url', value: agentUri(files.fleet, hostId) }],
      });
      const chain = [Buffer.from(leaf.rawData), Buffer.from(agents.rawData)];
      return { serial: serialOf(new NodeCertificate(Buffer.from(leaf.rawData))), notAfterMs, chain };
    },
    issueServer: async ({ commonName, names, nowMs, lifeMs = SERVER_CERTIFICATE_MS }) => {
      const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
      const leaf = await issue({
        subject: [{ CN: [commonName] }],
        issuer: controller,
        signingKey: controllerKey,
        publicKey: keys.publicKey,
        nowMs,
        notAfterMs: wholeSeconds(nowMs + lifeMs),
        usage: x509.ExtendedKeyUsage.serverAuth,
        names: names.map(value => ({ type: isAddress(value) ? 'ip' : 'dns', value })),
      });
      const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
      return {
        keyPem: x509.PemConverter.encode(key, 'PRIVATE KEY'),
        chainPem: [leaf, controller, root].map(certificate => certificate.toString('pem')).join('\n'),
      };
    },
  };
}

/** As certificates, the database and logs write it. */
export const serialOf = (certificate: NodeCertificate): string => certificate.serialNumber.toLowerCase();

interface Leaf {
  subject: x509.JsonName;
  issuer: x509.X509Certificate;
  signingKey: webcrypto.CryptoKey;
  publicKey: x509.PublicKeyType;
  nowMs: number;
  notAfterMs: number;
  usage: x509.ExtendedKeyUsage;
  names: x509.JsonGeneralNames;
}

async function issue(leaf: Leaf): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: leaf.subject,
    issuer: leaf.issuer.subjectName,
    notBefore: new Date(leaf.nowMs - CLOCK_SKEW_MS),
    notAfter: new Date(leaf.notAfterMs),
    publicKey: leaf.publicKey,
    signingKey: leaf.signingKey,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([leaf.usage], true),
      new x509.SubjectAlternativeNameExtension(leaf.names),
      await x509.SubjectKeyIdentifierExtension.create(leaf.publicKey as webcrypto.CryptoKey),
      await x509.AuthorityKeyIdentifierExtension.create(leaf.issuer.publicKey),
    ],
  });
}

/** 127 random bits: the first bit clear makes it positive, the second set keeps its length (RFC 5280, 4.1.2.2). */
export function randomSerial(): string {
  const bytes = webcrypto.getRandomValues(Buffer.alloc(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** X.509 has no milliseconds: what the database says must be what the certificate says. */
const wholeSeconds = (ms: number): number => Math.floor(ms / 1000) * 1000;

const isAddress = (name: string): boolean => /^[0-9.]+$/.test(name) || name.includes(':');

async function importSigningKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' });
  return webcrypto.subtle.importKey('pkcs8', der, P256, false, ['sign']);
}
