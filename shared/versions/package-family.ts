import { compareApkVersions } from './apk.ts';
import { compareDpkgVersions } from './dpkg.ts';
import { comparePacmanVersions } from './pacman.ts';
import { compareRpmVersions } from './rpm.ts';
import { compareWindowsVersions } from './windows.ts';

/** What packages are made for: their format, and with it the form and the order of their versions. */
export const PACKAGE_FAMILIES = ['dpkg', 'rpm', 'pacman', 'apk', 'windows'] as const;
export type PackageFamily = (typeof PACKAGE_FAMILIES)[number];

const FAMILY_OF: Readonly<Record<string, PackageFamily>> = {
  apt: 'dpkg',
  dnf: 'rpm',
  zypper: 'rpm',
  pacman: 'pacman',
  apk: 'apk',
  windows: 'windows',
};

/** By the name of the package manager, as facts have it; null where nobody here knows it. */
export const familyOfManager = (manager: string): PackageFamily | null =>
  Object.hasOwn(FAMILY_OF, manager) ? (FAMILY_OF[manager] ?? null) : null;

/** Negative where the first is older. */
export const VERSION_ORDER: Readonly<Record<PackageFamily, (a: string, b: string) => number>> = {
  dpkg: compareDpkgVersions,
  rpm: compareRpmVersions,
  pacman: comparePacmanVersions,
  apk: compareApkVersions,
  windows: compareWindowsVersions,
};
