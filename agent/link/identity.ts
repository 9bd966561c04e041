import { createPrivateKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { open, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { z } from 'zod';

/* Who this agent is: `<stateDir>/identity`, made whole by enrolment, of which only the certificate changes later. */

export const IDENTITY_FILES = {
  key: 'key.pem',
  chain: 'chain.pem',
  root: 'root.pem',
  enrolment: 'enrolment.json',
} as const;

export const Enrolment = z.strictObject({
  format: z.literal('tidemark/enrolment/v1'),
  hostId: z.uuid(),
  fleet: z.string().min(1),
  /** host:port of the link. */
  linkAddress: z.string().min(3),
  /** host:port of enrolment, where an expired certificate is renewed. */
  enrolmentAddress: z.string().min(3),
  /** Raw Ed25519, base64: dispatches are signed with it. */
  dispatchKey: z.base64(),
});
export type Enrolment = z.infer<typeof Enrolment>;

export interface Identity {
  directory: string;
  hostId: string;
  fleet: string;
  linkAddress: string;
  enrolmentAddress: string;
  /** 32 bytes. */
  dispatchKey: Buffer;
  privateKey: KeyObject;
  keyPem: string;
  /** Leaf first. */
  chainPem: string;
  rootPem: string;
  /** Of the leaf. */
  notBeforeMs: number;
  notAfterMs: number;
}

export const identityDirectory = (stateDir: string): string => join(stateDir, 'identity');

export const isEnrolled = (stateDir: string): boolean => existsSync(identityDirectory(stateDir));

/** Reads the identity; the error says what to do. */
export function loadIdentity(stateDir: string): Result<Identity, string> {
  const directory = identityDirectory(stateDir);
  if (!isEnrolled(stateDir)) {
    return err(
      `this server is not enrolled: there is no ${directory}. Get a token from the controller and run tidemark-agent enrol`,
    );
  }
  const damaged = (why: string) =>
    err(`the identity in ${directory} cannot be used: ${why}. Move the directory away and enrol anew`);
  try {
    const keyFile = join(directory, IDENTITY_FILES.key);
    if (process.platform !== 'win32' && (statSync(keyFile).mode & 0o077) !== 0)
      return err(`${keyFile} can be read by others than its owner: chmod 600 it, or enrol anew if it was copied`);
    const read = (name: string) => readFileSync(join(directory, name), 'utf8');
    const enrolment = Enrolment.safeParse(JSON.parse(read(IDENTITY_FILES.enrolment)));
    if (!enrolment.success) return damaged(`${IDENTITY_FILES.enrolment} does not fit its schema`);
    const keyPem = read(IDENTITY_FILES.key);
    const chainPem = read(IDENTITY_FILES.chain);
    const privateKey = createPrivateKey(keyPem);
    const leaf = new X509Certificate(chainPem);
    if (!leaf.checkPrivateKey(privateKey)) return damaged('the certificate is for another key');
    return ok({
      ...enrolment.data,
      directory,
      dispatchKey: Buffer.from(enrolment.data.dispatchKey, 'base64'),
      privateKey,
      keyPem,
      chainPem,
      rootPem: read(IDENTITY_FILES.root),
      notBeforeMs: leaf.validFromDate.getTime(),
      notAfterMs: leaf.validToDate.getTime(),
    });
  } catch (error) {
    return damaged((error as Error).message);
  }
}

/** Puts a renewed certificate in the place of the present one. */
export async function storeChain(identity: Identity, chain: readonly Buffer[]): Promise<Identity> {
  const chainPem = pemChain(chain);
  const leaf = new X509Certificate(chainPem);
  if (!leaf.checkPrivateKey(identity.privateKey))
    throw new Error('the controller sent a certificate for another key; the old one is kept');
  const file = join(identity.directory, IDENTITY_FILES.chain);
  const draft = `${file}.new-${randomBytes(6).toString('hex')}`;
  await writeFile(draft, chainPem, { mode: 0o644, flush: true });
  await rename(draft, file);
  await syncDirectory(identity.directory);
  return {
    ...identity,
    chainPem,
    notBeforeMs: leaf.validFromDate.getTime(),
    notAfterMs: leaf.validToDate.getTime(),
  };
}

export const pemChain = (chain: readonly Buffer[]): string =>
  chain.map(der => new X509Certificate(der).toString().trim()).join('\n');

/** So that a rename outlives a loss of power. */
export async function syncDirectory(directory: string): Promise<void> {
  // Windows cannot open directories, and its file systems journal renames.
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
