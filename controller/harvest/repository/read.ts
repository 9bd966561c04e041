import { buffer } from 'node:stream/consumers';
import { decompressed } from '../decompress.ts';
import type { PackageFile } from '../harvested.ts';
import { DEFAULT_LIMITS, mostUnpackedBytes } from '../limits.ts';
import { publicKeys, type SignedBy, verifyCleartext, verifyDetached } from '../openpgp.ts';
import { HarvestProblem } from '../problem.ts';
import { readPackages } from './apt-packages.ts';
import { readRelease } from './apt-release.ts';
import type { IndexedPackage, RepositoryTop } from './records.ts';
import { readPrimary } from './rpm-primary.ts';
import { readRepomd } from './rpm-repomd.ts';

/** What stands at the top of a repository, and whose word it is; null where nobody signed it. */
export type SignedTop = RepositoryTop & { signedBy: SignedBy | null };

interface TopOptions {
  kind: 'release' | 'repomd';
  /** Detached; null where the file has it in itself, or has none. */
  signature: Buffer | null;
  /** Armored; whose signatures count. */
  keys: readonly string[];
}

/** The largest Release of Debian has 200 KB, the largest repomd.xml 10 KB. */
const MAX_TOP_BYTES = 16 * 1024 * 1024;

/** Reads the top of a repository: nothing of it is believed, or even read, before its signature was verified. */
export async function readTop(file: PackageFile, { kind, signature, keys }: TopOptions): Promise<SignedTop> {
  if (file.bytes > MAX_TOP_BYTES)
    throw new HarvestProblem('too-large', `${file.name} has ${file.bytes} bytes, more than ${MAX_TOP_BYTES}`);
  const bytes = await buffer(file.read());
  const trusted = (await Promise.all(keys.map(publicKeys))).flat();
  const detached = signature && (await verifyDetached(bytes, signature, trusted, file.name));
  if (kind === 'repomd') return { ...(await readRepomd(once(bytes))), signedBy: detached };
  if (detached) return { ...readRelease(bytes.toString('utf8')), signedBy: detached };
  const { text, signedBy } = await verifyCleartext(bytes.toString('utf8'), trusted, file.name);
  return { ...readRelease(text), signedBy };
}

/** Reads a list of packages; `wanted` are names, null for all. */
export function readList(
  file: PackageFile,
  kind: 'packages' | 'primary',
  wanted: readonly string[] | null,
): Promise<IndexedPackage[]> {
  const unpacked = decompressed(file.read(), {
    what: file.name,
    most: mostUnpackedBytes(DEFAULT_LIMITS, file.bytes),
  });
  return (kind === 'packages' ? readPackages : readPrimary)(unpacked, wanted && new Set(wanted), DEFAULT_LIMITS);
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
