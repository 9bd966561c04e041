import { createCleartextMessage, createMessage, generateKey, readPrivateKey, sign } from 'openpgp';

/** Somebody with an OpenPGP key. */
export interface Vendor {
  /** The public half. */
  armored: string;
  /** The same as keyrings have it. */
  keys: Buffer;
  fingerprint: string;
  /** Detached, binary. */
  sign(bytes: Buffer): Promise<Buffer>;
  clearsign(text: string): Promise<Buffer>;
}

export async function vendorOf(name: string, date?: Date): Promise<Vendor> {
  const { privateKey, publicKey } = await generateKey({
    type: 'rsa',
    rsaBits: 2048,
    userIDs: [{ name }],
    format: 'armored',
    ...(date ? { date } : {}),
  });
  const key = await readPrivateKey({ armoredKey: privateKey });
  return {
    armored: publicKey,
    keys: Buffer.from(key.toPublic().write()),
    fingerprint: key.getFingerprint(),
    sign: async bytes => {
      const message = await createMessage({ binary: bytes });
      return Buffer.from(
        (await sign({ message, signingKeys: key, detached: true, format: 'binary' })) as unknown as Uint8Array,
      );
    },
    clearsign: async text =>
      Buffer.from(await sign({ message: await createCleartextMessage({ text }), signingKeys: key })),
  };
}
