import semver from 'semver';

/**
 * The order of npm's versions (semver.org, 2.0.0): negative where `a` is older than `b`, and zero where they differ in build
 * metadata alone. Null where one of them is no semantic version: nothing is guessed from a part of it.
 */
export function compareSemver(a: string, b: string): number | null {
  const [left, right] = [semver.parse(a), semver.parse(b)];
  return left && right ? semver.compare(left, right) : null;
}
