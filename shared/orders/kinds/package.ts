import { z } from 'zod';
import { err, ok, type Result } from '../../base/result.ts';
import { PACKAGE_FAMILIES, type PackageFamily } from '../../versions/package-family.ts';
import { DigestText } from '../arguments.ts';
import type { StepKindSpec } from './spec.ts';

/*
 * Packages of the operating system. What stands here becomes an argument of a package manager that runs as root, so the
 * alphabets are those of names and versions and nothing else: no path, no option, no pattern, and no last character
 * that apt reads as a command (`name-` removes, `name+` installs).
 */

/** As dpkg, rpm, pacman and apk write it, without an architecture: `libssl3`, `g++`, `NetworkManager`. */
export const PackageName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9+._-]{0,126}[A-Za-z0-9+]$|^[A-Za-z0-9]$/, 'must be the name of a package');

/** The manager's own full version: `1:3.0.11-1~deb12u2`; of rpm, `[epoch:]version-release`. */
export const PackageVersion = z
  .string()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9+.:~^_-]{0,126}[A-Za-z0-9~^])?$/, 'must be the version of a package');

/** `amd64`, `x86_64`, `all`, `noarch`. */
export const PackageArchitecture = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'must be an architecture');

/** One package in exactly one version. */
export const ExactPackage = z.strictObject({
  name: PackageName,
  version: PackageVersion,
  /** Null: the server's own, or none in particular. */
  architecture: PackageArchitecture.nullable(),
  /** Of the package's file; it is checked again on the server before it is used. Null: the repository's word counts. */
  sha256: DigestText.nullable(),
});
export type ExactPackage = z.infer<typeof ExactPackage>;

/** A package of a bundle: for the servers whose packages are of its family, Debian's (dpkg) where none is said. */
export const BundlePackage = ExactPackage.extend({ family: z.enum(PACKAGE_FAMILIES).optional() });
export type BundlePackage = z.infer<typeof BundlePackage>;

export const familyOf = ({ family }: BundlePackage): PackageFamily => family ?? 'dpkg';

/** `[family/]name[:arch]=version[@sha256]`: how people write it. */
export function parseBundlePackage(text: string): Result<BundlePackage, string> {
  const match = /^(?:([^/=@:]+)\/)?([^=@:/]+)(?::([^=@:]+))?=([^=@]+)(?:@(?:sha256:)?([0-9a-fA-F]{64}))?$/.exec(text);
  const [, said = 'dpkg', name, architecture = null, version, hex] = match ?? [];
  if (!name || !version) return err('Give NAME=VERSION, NAME:ARCH=VERSION or NAME=VERSION@SHA256.');
  const family = PACKAGE_FAMILIES.find(each => each === said);
  if (!family) return err(`"${said}" is no family of packages: ${PACKAGE_FAMILIES.join(', ')}.`);
  const sha256 = hex === undefined ? null : (`sha256:${hex.toLowerCase()}` as const);
  return ok({ family, name, version, architecture, sha256 });
}

/** More than any server has packages that change in one night. */
const MAX_PACKAGES = 5_000;

const ExactPackages = z.array(ExactPackage).min(1).max(MAX_PACKAGES);
const PackageNames = z.array(PackageName).min(1).max(MAX_PACKAGES);

/** What becomes of packages that are not listed and would have to change too: `refuse` says which before anything changes. */
const Others = z.enum(['refuse', 'allow']);
/** Configuration that was changed on the server and comes in a new form: the server's stays, or the package's replaces it. */
const Conffiles = z.enum(['keep', 'replace']);

const ChangeArgs = z.strictObject({
  packages: ExactPackages,
  conffiles: Conffiles,
  others: Others,
  /** How long another package manager may go on with what it does. */
  lockWaitMs: z.int().min(0),
});

const Waiting = z.strictObject({ lockWaitMs: z.int().min(0) });

export const packageKinds = {
  /** Fetches the repositories' lists anew. */
  'package/refresh': { class: 'patch', idempotent: true, prepares: true, expectedMs: 10_000, args: Waiting },
  /** Brings the packages onto the server and checks them; nothing is installed. */
  'package/download': {
    class: 'patch',
    idempotent: true,
    prepares: true,
    expectedMs: 20_000,
    args: z.strictObject({
      packages: ExactPackages,
      others: Others,
      /** Versions that an undo goes back to: fetched too, so that a repository that drops them cannot prevent it. */
      back: z.array(ExactPackage).max(MAX_PACKAGES),
      lockWaitMs: z.int().min(0),
    }),
  },
  /** Also to an older version. May start again: it looks at what is there, repairs what was cut off, and does the rest. */
  'package/upgrade': { class: 'patch', idempotent: true, expectedMs: 30_000, args: ChangeArgs },
  'package/install': { class: 'patch', idempotent: true, expectedMs: 20_000, args: ChangeArgs },
  'package/remove': {
    class: 'patch',
    idempotent: true,
    expectedMs: 10_000,
    args: z.strictObject({ names: PackageNames, others: Others, lockWaitMs: z.int().min(0) }),
  },
  /** No upgrade changes a package that is held. */
  'package/hold': { class: 'patch', idempotent: true, expectedMs: 500, args: z.strictObject({ names: PackageNames }) },
  'package/unhold': {
    class: 'patch',
    idempotent: true,
    expectedMs: 500,
    args: z.strictObject({ names: PackageNames }),
  },
  /** Finishes what was cut off, and says what is still not well. */
  'package/repair': { class: 'patch', idempotent: true, expectedMs: 10_000, args: Waiting },
} as const satisfies Record<string, StepKindSpec>;
