import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import { archiveName, type Candidate } from './apt-output.ts';
import { isNotFound } from './file-system.ts';
import { OsPackageProblem } from './os-package.ts';
import { DOWNLOADS } from './os-package-space.ts';
import { resolveBelow } from './server-path.ts';

/** A package that will be unpacked, with what its file must be. */
export interface WantedFile {
  candidate: Candidate;
  /** Hex; the order's word where it has one, else the repository's. */
  sha256: string;
}

export function wantedFile(candidates: readonly Candidate[], exact: ExactPackage | undefined): WantedFile | null {
  const given = exact?.sha256?.slice('sha256:'.length);
  // Two repositories may have one version, and even two files under its name.
  const candidate = candidates.find(each => given === undefined || each.sha256 === given) ?? candidates[0];
  if (!candidate) return null;
  if (given !== undefined && candidate.sha256 !== given)
    throw wrongDigest(candidate, given, candidate.sha256, 'offers');
  return { candidate, sha256: given ?? candidate.sha256 };
}

/** Every file again, right before it is used: apt itself looks only at the size of what lies in its cache. */
export async function verifyFiles(root: string, files: readonly WantedFile[]): Promise<void> {
  for (const { candidate, sha256 } of files) {
    const path = fileOf(root, candidate);
    const found = await digestOfFile(path);
    if (found === sha256) continue;
    if (found === null)
      throw new OsPackageProblem('unavailable', `${describe(candidate)} was not downloaded; refresh and try again`);
    await rm(path, { force: true });
    throw wrongDigest(candidate, sha256, found, 'sent');
  }
}

export function isThere(root: string, { candidate }: WantedFile): boolean {
  return existsSync(fileOf(root, candidate));
}

/** Room for packages, without any that this order does not speak of. */
export async function prepareDownloads(root: string, keep: readonly WantedFile[] | null): Promise<void> {
  const directory = resolveBelow(root, DOWNLOADS);
  // apt fetches as a user without privileges, who must come through to the directory that apt makes for it.
  await mkdir(join(directory, 'partial'), { recursive: true, mode: 0o755 });
  if (!keep) return;
  const names = new Set(keep.map(({ candidate }) => archiveName(candidate)));
  for (const name of await readdir(directory))
    if (name.endsWith('.deb') && !names.has(name)) await rm(join(directory, name), { force: true });
}

const fileOf = (root: string, candidate: Candidate): string =>
  join(resolveBelow(root, DOWNLOADS), archiveName(candidate));
const describe = ({ name, version }: Candidate): string => `${name} ${version}`;

function wrongDigest(candidate: Candidate, expected: string, found: string, verb: 'offers' | 'sent'): OsPackageProblem {
  return new OsPackageProblem(
    'wrong-digest',
    `the repository ${verb} ${describe(candidate)} with SHA-256 ${found}, and ${expected} is expected: it is not the ` +
      'package that was approved; nothing was changed; find out which of the two is right',
    { package: candidate.name, version: candidate.version, expected, found },
  );
}

/** Hex; null where there is no such file. */
export async function digestOfFile(path: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
  return hash.digest('hex');
}
