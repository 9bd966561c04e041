import { compareApkVersions } from './apk.ts';
import { compareDpkgVersions } from './dpkg.ts';
import { compareMavenVersions } from './maven.ts';
import { comparePacmanVersions } from './pacman.ts';
import { comparePep440 } from './pep440.ts';
import { compareReleaseVersions } from './release.ts';
import { compareRpmVersions } from './rpm.ts';
import { compareSemver } from './semver.ts';
import { compareWindowsVersions } from './windows.ts';

/** Each order of versions by its name in conditions. Null: one of the two is no version of that kind. */
export const ORDERS = {
  version: compareReleaseVersions,
  deb: compareDpkgVersions,
  rpm: compareRpmVersions,
  apk: compareApkVersions,
  pacman: comparePacmanVersions,
  windows: compareWindowsVersions,
  semver: compareSemver,
  pep440: comparePep440,
  maven: compareMavenVersions,
} as const satisfies Record<string, (a: string, b: string) => number | null>;

export type OrderName = keyof typeof ORDERS;
export const ORDER_NAMES = Object.keys(ORDERS) as OrderName[];
