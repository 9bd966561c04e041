import { createHash, type KeyObject } from 'node:crypto';
import { signEd25519 } from '../../shared/signing/ed25519.ts';

/** A file of a release, by its name in the directory. */
export interface ReleaseFile {
  name: string;
  bytes: Uint8Array;
}

/** The file that every release has. */
export const CHECKSUMS = 'SHA256SUMS';

/** As `sha256sum` writes and checks them. */
export const checksums = (files: readonly ReleaseFile[]): string =>
  [...files]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, bytes }) => `${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`)
    .join('');

/** The list of checksums and, with a key, its signature: 64 bytes over the file as it is, which openssl can verify. */
export function signedChecksums(files: readonly ReleaseFile[], key: KeyObject | null): ReleaseFile[] {
  const list = { name: CHECKSUMS, bytes: Buffer.from(checksums(files)) };
  return key === null ? [list] : [list, { name: `${CHECKSUMS}.sig`, bytes: signEd25519(key, list.bytes) }];
}
