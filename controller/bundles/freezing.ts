import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { FrozenPackage } from '@tidemark/shared/orders/bundle.ts';
import { familyOf } from '@tidemark/shared/orders/kinds/package.ts';
import type { PackageFamily } from '@tidemark/shared/versions/package-family.ts';

/* What is known of packages from their files, written into a bundle when it is made. Pure; docs/decisions/0490. */

/** A package whose file was read here. */
export interface KnownPackage {
  family: PackageFamily;
  name: string;
  version: string;
  /** Null where it runs on all. */
  architecture: string | null;
  sha256: Digest;
  /** Where it was found, or who made it; null where nothing says so. */
  source: string | null;
}

/** Fills in digest and source where what is known leaves no choice; what was said stays as it was said. */
export function frozen(asked: FrozenPackage, known: readonly KnownPackage[]): FrozenPackage {
  const same = known.filter(each => isSame(asked, each));
  // Without an architecture a version comes in a file for each: the digest of one would refuse those of the others.
  const isOpen = asked.architecture === null && same.some(({ architecture }) => architecture !== null);
  const sha256 = asked.sha256 ?? (isOpen ? null : onlyOne(same.map(each => each.sha256)));
  const source = asked.source ?? onlyOne(same.map(each => each.source));
  const { family, name, version, architecture, advisories } = asked;
  return {
    ...(family === undefined ? {} : { family }),
    ...{ name, version, architecture, sha256 },
    ...(source === null ? {} : { source }),
    ...(advisories === undefined ? {} : { advisories: [...new Set(advisories)].sort() }),
  };
}

function isSame(asked: FrozenPackage, { family, name, version, architecture, sha256 }: KnownPackage): boolean {
  return (
    familyOf(asked) === family &&
    asked.name === name &&
    withoutEpoch(asked.version) === withoutEpoch(version) &&
    (asked.architecture === null || architecture === null || asked.architecture === architecture) &&
    (asked.sha256 === null || asked.sha256 === sha256)
  );
}

/** rpm leaves out an epoch that is zero, or not. */
const withoutEpoch = (version: string): string => version.replace(/^0+:/, '');

function onlyOne<T>(values: readonly T[]): T | null {
  const [first, ...others] = new Set(values);
  return first === undefined || others.length > 0 ? null : first;
}
