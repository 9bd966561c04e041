import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { openSealedKey, type SealingKeys } from '@tidemark/shared/fingerprint/sealed-key.ts';
import { secretKeyId } from '@tidemark/shared/fingerprint/secret-key-id.ts';
import { parseEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { type SecretKeyStatement, verifySecretKey } from '@tidemark/shared/signing/secret-key.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { loadSealingKeys } from '../scan/sealing-key.ts';
import { readSecretKeyStatement, secretKeyFile } from '../scan/secret-key.ts';
import { putJson } from '../steps/directory.ts';

/** All that decides whether a key for secrets is taken. */
export interface SecretKeyGround {
  trustRoot: TrustRoot;
  hostId: string;
  sealing: SealingKeys;
  /** The one that is in use. */
  current: SecretKeyStatement | null;
}

/**
 * Pure: whether this server digests secrets under this key from now on. It must be signed by people and for this host, since
 * whoever knows the key can guess what is under it; and an older one never takes the place of a newer one.
 */
export function acceptSecretKey(bytes: Uint8Array, ground: SecretKeyGround): Result<SecretKeyStatement, string> {
  const envelope = parseEnvelope(bytes);
  if (!envelope.ok) return envelope;
  const verified = verifySecretKey(envelope.value, ground.trustRoot);
  if (!verified.ok) return verified;
  const { statement } = verified.value;
  const { sealing, current } = ground;
  if (statement.hostId !== ground.hostId) return err(`it is for host ${statement.hostId}`);
  if (!sealing.publicKey.equals(Buffer.from(statement.recipient, 'base64'))) {
    return err(
      'it was sealed to another key than this agent has now: collect the facts of the host, and make a new one',
    );
  }
  const key = openSealedKey(Buffer.from(statement.sealed, 'base64'), sealing.secretKey);
  if (!key) return err('it cannot be opened: it was altered, or sealed to somebody else');
  if (secretKeyId(key) !== statement.keyId) return err('it is another key than was signed');
  if (current && isOlder(statement, current)) {
    return err(`it is older than the one in use, ${current.name} generation ${current.generation}`);
  }
  return ok(statement);
}

function isOlder(offered: SecretKeyStatement, current: SecretKeyStatement): boolean {
  if (offered.name === current.name) return offered.generation < current.generation;
  return offered.signedAt < current.signedAt;
}

/** Takes it into use, or says why not. */
export function takeSecretKey(
  bytes: Uint8Array,
  { stateDir, trustRoot, hostId }: { stateDir: string; trustRoot: TrustRoot; hostId: string },
): Result<SecretKeyStatement, string> {
  const sealing = loadSealingKeys(stateDir);
  const accepted = acceptSecretKey(bytes, { trustRoot, hostId, sealing, current: readSecretKeyStatement(stateDir) });
  if (accepted.ok) putJson(secretKeyFile(stateDir), accepted.value);
  return accepted;
}
