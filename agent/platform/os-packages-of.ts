import { existsSync, realpathSync } from 'node:fs';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { createApk, findApk } from './apk.ts';
import { createApt } from './apt.ts';
import type { CommandPlace } from './command.ts';
import { createDnf } from './dnf.ts';
import type { PackageBackend } from './file-package-backend.ts';
import { createFilePackages } from './file-packages.ts';
import type { OsPackages } from './os-package.ts';
import { createTool, type Tool } from './os-package-tool.ts';
import { createPacman } from './pacman.ts';
import { resolveBelow } from './server-path.ts';
import { createWindowsPackages, findWinget, WINDOWS_MARK, windowsTool } from './windows-packages.ts';
import { createZypper, ZYPPER_ENVIRONMENT } from './zypper.ts';

/** For messages. */
export const KNOWN_MANAGERS = 'apt, dnf 4, zypper, pacman, apk, Windows';

/** The manager that this server's packages are in; null where it has none that is known here. */
export function findOsPackages(place: CommandPlace, clock: Clock): OsPackages | null {
  const has = (...paths: string[]) => paths.every(path => existsSync(resolveBelow(place.root, path)));
  const from = (create: (tool: Tool, place: CommandPlace) => PackageBackend, environment = {}) => {
    const tool = createTool(place, environment);
    return createFilePackages(create(tool, place), tool, place, clock);
  };
  if (has('/var/lib/dpkg/status', '/usr/bin/apt-get', '/usr/bin/dpkg')) return createApt(place, clock);
  // SUSE has a dnf too, and zypper's locks are its own.
  if (has('/usr/bin/zypper', '/usr/bin/rpm')) return from(createZypper, ZYPPER_ENVIRONMENT);
  if (has('/usr/bin/dnf', '/usr/bin/rpm') && !isDnf5(place.root)) return from(createDnf);
  if (has('/usr/bin/pacman', '/etc/pacman.conf')) return from(createPacman);
  if (findApk(place.root)) return from(createApk);
  if (has(WINDOWS_MARK)) return createWindowsPackages(windowsTool(place), findWinget(place.root));
  return null;
}

/** It has the same name, and says everything in other words: nothing of it has been tried. */
function isDnf5(root: string): boolean {
  try {
    return realpathSync(resolveBelow(root, '/usr/bin/dnf')).endsWith('dnf5');
  } catch {
    return false;
  }
}
