import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { importPrivateKey, isSoundPublicKey, rawPublicKey } from '@tidemark/shared/signing/ed25519.ts';
import { CliError, Exit, usageError } from './exit.ts';
import { readSecret, readText } from './files.ts';

const MAX_KEY_BYTES = 64 * 1024;

/** An approver's private key from its PEM file. The key never leaves this process. */
export async function loadPrivateKey(path: string, passphraseFile?: string): Promise<KeyObject> {
  const pem = await readText(path, MAX_KEY_BYTES);
  const sealed = pem.includes('ENCRYPTED PRIVATE KEY');
  if (sealed && passphraseFile === undefined)
    throw usageError(`${path} is sealed with a passphrase: give --passphrase-file FILE`);
  if (!pem.includes('PRIVATE KEY')) throw usageError(`${path} holds no private key in PEM (PKCS#8)`);
  const passphrase = passphraseFile === undefined ? undefined : await readSecret(passphraseFile);
  try {
    return importPrivateKey(pem, passphrase);
  } catch (error) {
    const { message } = error as Error;
    throw new CliError(
      Exit.error,
      sealed
        ? `${path} cannot be opened: is ${passphraseFile} the right passphrase?`
        : `${path} holds no Ed25519 private key: ${message}`,
    );
  }
}

/** The raw 32 bytes of a public key: from a PEM file of either half, or from base64 text. */
export async function loadPublicKey(path: string): Promise<Buffer> {
  const text = (await readText(path, MAX_KEY_BYTES)).trim();
  const raw = text.startsWith('-----BEGIN') ? fromPem(path, text) : Buffer.from(text, 'base64');
  if (!isSoundPublicKey(raw)) throw new CliError(Exit.error, `${path} holds no Ed25519 public key`);
  return raw;
}

function fromPem(path: string, pem: string): Buffer {
  if (pem.includes('ENCRYPTED'))
    throw usageError(`${path} is a sealed private key: give the file with its public half (${path}.pub)`);
  try {
    const key = pem.includes('PRIVATE KEY') ? createPublicKey(createPrivateKey(pem)) : createPublicKey(pem);
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is ${key.asymmetricKeyType}`);
    return rawPublicKey(key);
  } catch (error) {
    throw new CliError(Exit.error, `${path} holds no Ed25519 key: ${(error as Error).message}`);
  }
}

/** As envelopes name it: a hint for people. */
export const keyId = (raw: Buffer): string => raw.toString('hex').slice(0, 16);
