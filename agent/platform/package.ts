/**
 * A way to bring a product's version onto a server. Every implementation passes package.conformance.ts:
 *
 * - a version is there whole or not at all, and the one in use changes in one instant;
 * - what fails leaves everything as it was and throws a {@link PackageProblem} that says what to do;
 * - the same again verifies and succeeds; a damaged version is replaced.
 */
export interface PackageProvider {
  readonly name: string;
  install(release: ReleaseSource): Promise<InstallOutcome>;
  /** Takes a version into use that is already there. */
  activate(release: Release): Promise<{ from: string | null; changed: boolean }>;
  installed(home: string): Promise<InstalledVersions>;
}

export interface Release {
  product: string;
  version: string;
  /** Directory of the product on this machine (already below the agent's root). */
  home: string;
}

export interface ReleaseSource extends Release {
  /** The archive on this machine. */
  file: string;
  /** SHA-256 of it, checked over the very bytes that are unpacked. */
  sha256: Uint8Array;
}

export interface InstallOutcome {
  /** The version that was in use before. */
  from: string | null;
  how: 'installed' | 'verified' | 'repaired';
  files: number;
  bytes: number;
}

export interface InstalledVersions {
  /** In use; null where there is none. */
  version: string | null;
  available: string[];
}

/** An archive, a directory or a file system that is not as it must be. */
export class PackageProblem extends Error {
  override name = 'PackageProblem';
}
