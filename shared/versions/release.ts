import semver from 'semver';
import { compareDpkgVersions } from './dpkg.ts';

/**
 * The order of release versions of products that come as archives: semantic versions where both are (so that `2.0.0-rc.1`
 * is before `2.0.0`), else by runs of numbers. Negative where `a` is older than `b`, zero where neither is.
 */
export function compareReleaseVersions(a: string, b: string): number {
  if (a === b) return 0;
  const [left, right] = [semver.parse(a), semver.parse(b)];
  return left && right ? semver.compareBuild(left, right) : compareDpkgVersions(a, b);
}
