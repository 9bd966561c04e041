import { createMessage, type Key, readCleartextMessage, readKeys, readSignature, verify } from 'openpgp';
import { HarvestProblem } from './problem.ts';

/*
 * OpenPGP (RFC 9580), as far as packages and repositories use it: detached signatures over bytes, and signed texts.
 * openpgp refuses SHA-1, MD5 and RSA below 2047 bits by itself.
 */

/** Who signed: the primary key, by its whole fingerprint in lower case. */
export interface SignedBy {
  fingerprint: string;
  /** As the key's first user id says; for people. */
  name: string;
}

/** The keys in an armored text. Throws a {@link HarvestProblem} for one that holds none. */
export async function publicKeys(armored: string): Promise<Key[]> {
  let keys: Key[];
  try {
    keys = await readKeys({ armoredKeys: armored });
  } catch (error) {
    throw new HarvestProblem('not-sound', `this is no armored OpenPGP key: ${(error as Error).message}`);
  }
  if (keys.length === 0) throw new HarvestProblem('not-sound', 'this holds no OpenPGP key');
  if (keys.some(key => key.isPrivate()))
    throw new HarvestProblem('not-sound', 'this holds a private key: give its public half, and nobody else this one');
  return keys;
}

export const namedKey = (key: Key): SignedBy => ({
  fingerprint: key.getFingerprint(),
  name: key.getUserIDs()[0] ?? '',
});

/** Which of the keys made the detached signature over the bytes. Throws, by name, where none of them did. */
export async function verifyDetached(
  bytes: Uint8Array,
  signature: Uint8Array,
  keys: Key[],
  what: string,
): Promise<SignedBy> {
  const text = Buffer.from(signature.subarray(0, 64)).toString('latin1');
  const parsed = await sound(what, () =>
    text.startsWith('-----BEGIN')
      ? readSignature({ armoredSignature: Buffer.from(signature).toString('latin1') })
      : readSignature({ binarySignature: signature }),
  );
  const message = await createMessage({ binary: bytes });
  const { signatures } = await verify({ message, signature: parsed, verificationKeys: keys, format: 'binary' });
  return signer(signatures, keys, what);
}

/** The text inside of a signed text, and who of the keys signed it: what stands around it is not given. Throws as above. */
export async function verifyCleartext(
  signed: string,
  keys: Key[],
  what: string,
): Promise<{ text: string; signedBy: SignedBy }> {
  const message = await sound(what, () => readCleartextMessage({ cleartextMessage: signed }));
  const { signatures } = await verify({ message, verificationKeys: keys });
  return { text: message.getText(), signedBy: await signer(signatures, keys, what) };
}

async function sound<T>(what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new HarvestProblem('signature', `the signature of ${what} is not sound: ${(error as Error).message}`);
  }
}

type Checked = Awaited<ReturnType<typeof verify>>['signatures'][number];

/** One good signature of a known key is enough; unknown ones beside it do no harm. */
async function signer(signatures: Checked[], keys: Key[], what: string): Promise<SignedBy> {
  const problems: string[] = [];
  for (const { keyID, verified } of signatures) {
    const key = keys.find(each => each.getKeys(keyID).length > 0);
    try {
      await verified;
      if (key) return namedKey(key);
    } catch (error) {
      problems.push(
        key ? `${keyID.toHex()}: ${(error as Error).message}` : `made by key ${keyID.toHex()}, which nobody has added`,
      );
    }
  }
  throw new HarvestProblem(
    'signature',
    `${what} is not signed by a key that is trusted here: ${problems.join('; ') || 'it has no signature'}; see "tidemark signatures key list"`,
  );
}
