import { canonicalJson } from '../base/canonical-json.ts';
import { type Digest, digestOf } from '../base/digest.ts';
import type { BundlePackage } from './kinds/package.ts';

/** What is frozen in a bundle. */
export interface BundleContent {
  name: string;
  /** By product. */
  releases: readonly { product: string; version: string; artifact: string; bytes: number }[];
  /** By family, name and architecture. */
  packages: readonly BundlePackage[];
  /** What it answers, by the names of those who publish them: `DSA-5678-1`, `CVE-2026-1234`. Sorted. */
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
