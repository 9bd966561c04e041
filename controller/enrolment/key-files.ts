import 'reflect-metadata';
import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { isFleetName } from './names.ts';

/*
 * The keys of the fleet: made once, whole or not at all, in `<stateDir>/keys`, readable by the controller alone. After
 * that the root's key is needed by nobody: `ca-root.key.pem` may be moved to a safe.
 */

export const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
export const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;

const DAY_MS = 86_400_000;
/** The root outlives the fleet's servers; replacing it means enrolling every agent anew. */
const ROOT_MS = 20 * 365 * DAY_MS;
const INTERMEDIATE_MS = 10 * 365 * DAY_MS;

/** What is in the files, PEM texts. */
export interface KeyFiles {
  fleet: string;
  rootCertificate: string;
  agentsCertificate: string;
  agentsKey: string;
  controllerCertificate: string;
  controllerKey: string;
  dispatchKey: string;
}

const NAMES = {
  rootCertificate: 'ca-root.pem',
  agentsCertificate: 'ca-agents.pem',
  agentsKey: 'ca-agents.key.pem',
  controllerCertificate: 'ca-controller.pem',
  controllerKey: 'ca-controller.key.pem',
  dispatchKey: 'dispatch.key.pem',
} as const satisfies Record<Exclude<keyof KeyFiles, 'fleet'>, string>;
const ROOT_KEY = 'ca-root.key.pem';
const FLEET = 'fleet';

/** Reads the keys, or makes them where there are none. Also puts the root's certificate into `<stateDir>/ca.pem`. */
export async function openKeyFiles(options: {
  stateDir: string;
  fleet: string;
  nowMs: number;
}): Promise<Result<KeyFiles, string>> {
  if (!isFleetName(options.fleet)) {
    return err(
      `"${options.fleet}" is no name for a fleet: use lower-case letters, digits and hyphens, at most 63 of them`,
    );
  }
  const directory = join(options.stateDir, 'keys');
  if (!existsSync(directory)) await createKeyFiles(directory, options.fleet, options.nowMs);
  const files = readKeyFiles(directory);
  if (!files.ok) return files;
  if (files.value.fleet !== options.fleet) {
    return err(
      `the keys in ${directory} are of fleet "${files.value.fleet}", the configuration says "${options.fleet}". ` +
        'Agents know the fleet by its keys: set the name back, or use another state directory for another fleet',
    );
  }
  const published = join(options.stateDir, 'ca.pem');
  if (!existsSync(published) || readFileSync(published, 'utf8') !== files.value.rootCertificate)
    await replaceFile(published, files.value.rootCertificate, 0o644);
  return files;
}

function readKeyFiles(directory: string): Result<KeyFiles, string> {
  const read = {} as Record<keyof typeof NAMES | 'fleet', string>;
  for (const [key, name] of [...Object.entries(NAMES), ['fleet', FLEET]] as [keyof KeyFiles, string][]) {
    const file = join(directory, name);
    try {
      if (name.endsWith('.key.pem') && (statSync(file).mode & 0o077) !== 0) {
        return err(`${file} can be read by others than its owner: chmod 600 it, and think of who may have read it`);
      }
      read[key] = readFileSync(file, 'utf8').trim();
    } catch (error) {
      return err(
        `cannot read ${file}: ${(error as Error).message}. Restore it from a backup: with other keys, no agent knows this controller`,
      );
    }
  }
  return ok(read);
}

/** Makes everything beside the place where it will be and moves it there at the end; of two at once, one wins. */
async function createKeyFiles(directory: string, fleet: string, nowMs: number): Promise<void> {
  const draft = `${directory}.new-${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(draft, { recursive: true, mode: 0o700 });
    for (const [name, text] of Object.entries(await makeKeys(fleet, nowMs))) {
      await writeFile(join(draft, name), `${text.trim()}\n`, {
        mode: name.endsWith('.key.pem') ? 0o600 : 0o644,
        flush: true,
      });
    }
    await syncDirectory(draft);
    await rename(draft, directory);
    await syncDirectory(join(directory, '..'));
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(directory)) throw error;
  }
}

async function makeKeys(fleet: string, nowMs: number): Promise<Record<string, string>> {
  const rootKeys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
  const root = await makeAuthority({
    name: `Tidemark ${fleet} root`,
    keys: rootKeys,
    issuer: { name: `CN=Tidemark ${fleet} root`, key: rootKeys },
    nowMs,
    lifeMs: ROOT_MS,
    pathLength: 1,
    usage: null,
  });
  const below = async (what: 'agents' | 'controller', usage: x509.ExtendedKeyUsage) => {
    const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
    const certificate = await makeAuthority({
      name: `Tidemark ${fleet} ${what}`,
      keys,
      issuer: { name: root.subject, key: rootKeys },
      nowMs,
      lifeMs: INTERMEDIATE_MS,
      pathLength: 0,
      usage,
    });
    return { certificate: certificate.toString('pem'), key: await privatePem(keys.privateKey) };
  };
  const agents = await below('agents', x509.ExtendedKeyUsage.clientAuth);
  const controller = await below('controller', x509.ExtendedKeyUsage.serverAuth);
  const dispatch = generateKeyPairSync('ed25519').privateKey;
  return {
    [FLEET]: fleet,
    [ROOT_KEY]: await privatePem(rootKeys.privateKey),
    [NAMES.rootCertificate]: root.toString('pem'),
    [NAMES.agentsCertificate]: agents.certificate,
    [NAMES.agentsKey]: agents.key,
    [NAMES.controllerCertificate]: controller.certificate,
    [NAMES.controllerKey]: controller.key,
    [NAMES.dispatchKey]: dispatch.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

interface AuthorityRequest {
  name: string;
  keys: webcrypto.CryptoKeyPair;
  issuer: { name: string; key: webcrypto.CryptoKeyPair };
  nowMs: number;
  lifeMs: number;
  pathLength: number;
  /** What certificates below it may be used for; OpenSSL holds every leaf to it. */
  usage: x509.ExtendedKeyUsage | null;
}

async function makeAuthority(request: AuthorityRequest): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.create({
    subject: `CN=${request.name}`,
    issuer: request.issuer.name,
    notBefore: new Date(request.nowMs - DAY_MS),
    notAfter: new Date(request.nowMs + request.lifeMs),
    publicKey: request.keys.publicKey,
    signingKey: request.issuer.key.privateKey,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, request.pathLength, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      ...(request.usage === null ? [] : [new x509.ExtendedKeyUsageExtension([request.usage])]),
      await x509.SubjectKeyIdentifierExtension.create(request.keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(request.issuer.key.publicKey),
    ],
  });
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

async function replaceFile(file: string, text: string, mode: number): Promise<void> {
  const draft = `${file}.new-${randomBytes(6).toString('hex')}`;
  await writeFile(draft, `${text}\n`, { mode, flush: true });
  await rename(draft, file);
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
