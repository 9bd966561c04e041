import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { type Digest, digestOf } from '../base/digest.ts';

/** Which half of a scan an entry belongs to. Patches change software; administrators change config. */
export const PLANES = ['software', 'config'] as const;
export const Plane = z.enum(PLANES);
export type Plane = z.infer<typeof Plane>;

/** What a scan looks at. Part of a scan's identity: only scans under the same profile are compared. */
export const ScanProfile = z.strictObject({
  name: z.string().min(1).max(128),
  version: z.int().min(1),
  /** Absolute paths on the server, scanned whole; the plane is what non-executable files below count as. */
  roots: z.array(z.strictObject({ path: z.string().startsWith('/'), plane: Plane })).min(1),
  /** Globs over absolute paths. What they leave out is counted and reported. */
  ignore: z.array(z.string()),
  /** Globs over absolute paths whose content may differ between peers, with the reason that a report gives. */
  perHost: z.array(z.strictObject({ path: z.string(), reason: z.string() })),
});
export type ScanProfile = z.infer<typeof ScanProfile>;

/** The bytes that a profile travels and is hashed as. */
export const profileBytes = (profile: ScanProfile): Buffer => Buffer.from(canonicalJson(profile));

/** Which scans can be compared: those whose profiles have one digest. */
export const profileDigest = (profile: ScanProfile): Digest => digestOf(profileBytes(profile));

/** How people call it. */
export const profileLabel = (profile: ScanProfile): string => `${profile.name} version ${profile.version}`;
