import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { SEALING_KEY_BYTES, type SealingKeys, sealingKeysOf } from '@tidemark/shared/fingerprint/sealed-key.ts';

export const sealingKeyFile = (stateDir: string): string => join(stateDir, 'sealing.key');

/**
 * The agent's own keys, to which keys of clusters are sealed; made when they are first asked for. Throws where the state
 * directory cannot be written.
 */
export function loadSealingKeys(stateDir: string): SealingKeys {
  const file = sealingKeyFile(stateDir);
  if (!fs.existsSync(file)) create(file);
  const secret = fs.readFileSync(file);
  if (secret.length !== SEALING_KEY_BYTES) throw new Error(`${file} is damaged: remove it, and a new one is made`);
  return sealingKeysOf(secret);
}

/** Whole or not at all; of two that make one at once, the first counts. */
function create(file: string): void {
  const fresh = `${file}.${randomBytes(6).toString('hex')}`;
  fs.writeFileSync(fresh, randomBytes(SEALING_KEY_BYTES), { mode: 0o600, flush: true });
  try {
    fs.linkSync(fresh, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    fs.rmSync(fresh, { force: true });
  }
}
