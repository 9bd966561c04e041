import { chmod, lstat, mkdir, readdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { checkArchiveDigest, unpackedBytes } from './archive-read.ts';
import { findDamage, type Unpacked, unpackInto } from './archive-write.ts';
import { besideName, isNoSpace, isNotFound, showBytes, spaceAt, syncDirectory } from './file-system.ts';
import {
  type InstalledVersions,
  type InstallOutcome,
  PackageProblem,
  type PackageProvider,
  type Release,
  type ReleaseSource,
} from './package.ts';

/**
 * Release archives: `<home>/releases/<version>` holds what the archive holds, `<home>/current` is a link to the version
 * in use. A version is unpacked beside its place, as `.<version>.partial-<random>`, and renamed when it is complete.
 */
export function createArchivePackages(): PackageProvider {
  return { name: 'archive', install, activate, installed };
}

async function install(source: ReleaseSource): Promise<InstallOutcome> {
  const { version } = await installed(source.home);
  const releases = join(source.home, 'releases');
  const target = join(releases, source.version);
  // Before anything is made or compared: the same bytes are checked once more while they are unpacked.
  await checkArchiveDigest(source);
  await mkdir(releases, { recursive: true, mode: 0o755 });
  await removePartials(releases, source.version);
  const there = await exists(target);
  if (there) {
    const { damage, ...seen } = await findDamage(source, target);
    if (!damage) {
      await activate(source);
      return { from: version, how: 'verified', ...seen };
    }
  }
  const done = await place(source, releases, target, there);
  await activate(source);
  return { from: version, how: there ? 'repaired' : 'installed', ...done };
}

async function place(source: ReleaseSource, releases: string, target: string, there: boolean): Promise<Unpacked> {
  const partial = besideName(join(releases, `.${source.version}`), 'partial');
  try {
    await mkdir(partial, { mode: 0o700 });
    const done = await unpackInto(source, partial);
    await chmod(partial, 0o755);
    if (there) {
      const old = besideName(join(releases, `.${source.version}`), 'damaged');
      await rename(target, old);
      await rename(partial, target);
      await rm(old, { recursive: true, force: true });
    } else {
      await rename(partial, target);
    }
    await syncDirectory(releases);
    return done;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw isNoSpace(error) ? await noSpace(source) : error;
  }
}

async function noSpace(source: ReleaseSource): Promise<PackageProblem> {
  const bytes = await unpackedBytes(source);
  const { mount, freeBytes } = spaceAt(source.home);
  const missing = Math.max(0, bytes - freeBytes);
  return new PackageProblem(
    `no space for ${source.product} ${source.version} on ${mount}: it unpacks to ${bytes} bytes (${showBytes(bytes)}), ` +
      `${freeBytes} bytes are free, ${missing} bytes are missing; nothing was changed: free some and try again`,
  );
}

async function activate(release: Release): Promise<{ from: string | null; changed: boolean }> {
  const target = join(release.home, 'releases', release.version);
  if (!(await exists(target)))
    throw new PackageProblem(
      `${release.product} ${release.version} is not in ${join(release.home, 'releases')}; install it first`,
    );
  const { version } = await installed(release.home);
  if (version === release.version) return { from: version, changed: false };
  const temporary = besideName(join(release.home, '.current'), 'new');
  await symlink(join('releases', release.version), temporary);
  try {
    await rename(temporary, join(release.home, 'current'));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(release.home);
  return { from: version, changed: true };
}

async function installed(home: string): Promise<InstalledVersions> {
  return { version: await versionInUse(home), available: await availableIn(join(home, 'releases')) };
}

async function versionInUse(home: string): Promise<string | null> {
  const current = join(home, 'current');
  try {
    return basename(await readlink(current));
  } catch (error) {
    if (isNotFound(error)) return null;
    if ((error as NodeJS.ErrnoException).code === 'EINVAL')
      throw new PackageProblem(
        `${current} is no link: something else put it there; move it to releases/<version> and link it, then try again`,
      );
    throw error;
  }
}

async function availableIn(releases: string): Promise<string[]> {
  try {
    const entries = await readdir(releases, { withFileTypes: true });
    return entries
      .filter(entry => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(entry => entry.name)
      .sort();
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

/** What an attempt left that was ended by force. Only one step runs on a server at a time. */
async function removePartials(releases: string, version: string): Promise<void> {
  for (const name of await readdir(releases)) {
    if (name.startsWith(`.${version}.partial-`) || name.startsWith(`.${version}.damaged-`))
      await rm(join(releases, name), { recursive: true, force: true });
  }
}

const exists = async (path: string): Promise<boolean> => (await lstat(path).catch(() => null)) !== null;
