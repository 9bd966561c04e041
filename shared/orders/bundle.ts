import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { type Digest, digestOf } from '../base/digest.ts';
import { BundlePackage } from './kinds/package.ts';

/** As those who publish advisories call them: `DSA-5678-1`, `CVE-2026-1234`. */
export const AdvisoryName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/, 'must be the name of an advisory');

/** Where a package comes from, as people say it: the address of a repository and its suite, or who made it. */
export const PackageSource = z.string().regex(/^[\x21-\x7e][\x20-\x7e]{0,998}$/, 'must be one line of ASCII text');

/** A package as a bundle freezes it: what servers are told of it, where it comes from, and what it answers. */
export const FrozenPackage = BundlePackage.extend({
  source: PackageSource.optional(),
  /** Sorted, at least one; not there where nobody said what it answers. */
  advisories: z.array(AdvisoryName).min(1).optional(),
});
export type FrozenPackage = z.infer<typeof FrozenPackage>;

/** What servers are told of it. */
export const withoutOrigin = ({ source: _, advisories: __, ...exact }: FrozenPackage): BundlePackage => exact;

/** What is frozen in a bundle. */
export interface BundleContent {
  name: string;
  /** By product. */
  releases: readonly { product: string; version: string; artifact: string; bytes: number }[];
  /** By family, name and architecture. */
  packages: readonly FrozenPackage[];
  /** All that it answers, with what its packages answer. Sorted. */
  advisories: readonly string[];
}

/** What stands for all of a bundle. Whoever signs one computes this from the content that they were shown. */
export function bundleDigest({ name, releases, packages, advisories }: BundleContent): Digest {
  const content = {
    name,
    releases: releases.map(({ product, version, artifact, bytes }) => ({ product, version, artifact, bytes })),
    // What a bundle does not have leaves no trace: those made before there was such a thing keep their digest.
    ...(packages.length > 0 ? { packages: packages.map(each => ({ ...each })) } : {}),
    ...(advisories.length > 0 ? { advisories: [...advisories] } : {}),
  };
  return digestOf(Buffer.from(canonicalJson(content), 'utf8'));
}
