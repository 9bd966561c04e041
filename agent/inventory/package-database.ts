import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readJsonFile } from '../platform/file-system.ts';
import type { ServerFiles } from './server-files.ts';

/*
 * To ask a package manager what is installed and what is newer takes a second of a processor; nothing of it changes as long
 * as its files do not. So it is asked where one of them has another size or time than at the last look, and once a day.
 */

/** Of dpkg and apt, rpm with dnf and zypper, pacman, apk. Of directories the names and times of what is in them count too. */
const FILES = [
  ...['/var/lib/dpkg/status', '/var/lib/dpkg/updates', '/var/lib/apt/lists', '/etc/apt/sources.list'],
  ...['/etc/apt/sources.list.d', '/etc/apt/preferences', '/etc/apt/preferences.d'],
  ...['/var/lib/rpm', '/usr/lib/sysimage/rpm', '/var/cache/dnf', '/var/cache/zypp/raw', '/var/cache/zypp/solv'],
  ...['/etc/yum.repos.d', '/etc/zypp/repos.d', '/etc/zypp/locks', '/etc/dnf/dnf.conf'],
  ...['/etc/dnf/plugins/versionlock.list'],
  ...['/var/lib/pacman/local', '/var/lib/pacman/sync', '/etc/pacman.conf'],
  ...['/lib/apk/db', '/usr/lib/apk/db', '/etc/apk', '/var/cache/apk'],
];
const MAX_AGE_MS = 86_400_000;
/** rpm touches them by being asked. */
const NO_CONTENT = /\/(\.rpm\.lock|rpmdb\.sqlite-shm|lock(-frontend)?|__db\.\d+)$/;

const Seen = z.strictObject({ key: z.string(), at: z.int() });

/** Names the state of the package manager's files; empty where there are none that are known here. */
export function packageDatabaseKey(files: ServerFiles): string {
  const said = FILES.flatMap(path => {
    const found = files.stat(path);
    if (!found) return [];
    const inside = found.isDirectory ? files.names(path).map(name => `${path}/${name}`) : [];
    return [path, ...inside].flatMap(each => {
      const stat = NO_CONTENT.test(each) ? null : files.stat(each);
      return stat === null ? [] : [`${each} ${stat.isDirectory ? '' : stat.size} ${stat.mtimeMs}`];
    });
  });
  return said.join('\n');
}

/** True where nothing has changed since {@link rememberPackages}. */
export function packagesAreSame(stateDir: string, key: string, now: number): boolean {
  const seen = Seen.safeParse(readJsonFile(fileIn(stateDir)));
  return seen.success && key !== '' && seen.data.key === key && now >= seen.data.at && now - seen.data.at < MAX_AGE_MS;
}

export function rememberPackages(stateDir: string, key: string, now: number): void {
  const fresh = `${fileIn(stateDir)}.${process.pid}.new`;
  writeFileSync(fresh, JSON.stringify({ key, at: Math.floor(now) }), { mode: 0o600 });
  renameSync(fresh, fileIn(stateDir));
}

const fileIn = (stateDir: string): string => join(stateDir, 'package-database.json');
