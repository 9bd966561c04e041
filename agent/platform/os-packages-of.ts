import { existsSync } from 'node:fs';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { createApt } from './apt.ts';
import type { CommandPlace } from './command.ts';
import type { OsPackages } from './os-package.ts';
import { resolveBelow } from './server-path.ts';

/** The manager that this server's packages are in; null where it has none that is known here. */
export function findOsPackages(place: CommandPlace, clock: Clock): OsPackages | null {
  const has = (...paths: string[]) => paths.every(path => existsSync(resolveBelow(place.root, path)));
  if (has('/var/lib/dpkg/status', '/usr/bin/apt-get', '/usr/bin/dpkg')) return createApt(place, clock);
  return null;
}
