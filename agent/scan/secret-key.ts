import { join } from 'node:path';
import { openSealedKey } from '@tidemark/shared/fingerprint/sealed-key.ts';
import { SecretKeyStatement } from '@tidemark/shared/signing/secret-key.ts';
import { readJsonFile } from '../platform/file-system.ts';
import { loadSealingKeys } from './sealing-key.ts';

/** What is kept of the key for secrets that this server was given: what was signed, still sealed. */
export const secretKeyFile = (stateDir: string): string => join(stateDir, 'secret-key.json');

/** The statement that the executor took; null where it took none. */
export function readSecretKeyStatement(stateDir: string): SecretKeyStatement | null {
  const parsed = SecretKeyStatement.safeParse(readJsonFile(secretKeyFile(stateDir)));
  return parsed.success ? parsed.data : null;
}

/** The key for secrets, open; null where there is none, or it was sealed to keys that this agent no longer has. */
export function loadSecretKey(stateDir: string): Buffer | null {
  const statement = readSecretKeyStatement(stateDir);
  return statement && openSealedKey(Buffer.from(statement.sealed, 'base64'), loadSealingKeys(stateDir).secretKey);
}
