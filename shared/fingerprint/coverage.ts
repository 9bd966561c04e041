import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { MAX_LISTED_PATHS } from './listing-limit.ts';

/* Paths in a coverage are text by path.ts. */

const Count = z.int().min(0);
const Listed = z.object({ count: Count, paths: z.array(z.string().max(16_384)).max(MAX_LISTED_PATHS) });
export type Listed = z.infer<typeof Listed>;

/** What a scan saw, and what it did not: nothing is left out without being counted here. Newer agents may say more. */
export const Coverage = z.object({
  files: Count,
  directories: Count,
  symlinks: Count,
  /** Devices, FIFOs and sockets: noted, never opened. */
  special: Count,
  bytes: Count,
  /** Names beyond the first of one file: hashed once. */
  hardLinks: Count,
  /** By ignore rule; what lies below an ignored directory is not counted, since nobody looked. */
  ignored: z.array(z.object({ rule: z.string(), count: Count })).max(1_000),
  unreadable: Listed,
  unstable: Listed,
  /** Mount points of other file systems, and what went beyond a limit. */
  skipped: Listed,
  /** Roots of the profile that are not there, or are behind a link, with the reason. */
  missingRoots: z.array(z.object({ path: z.string(), reason: z.string() })).max(1_000),
  /** The key under which secrets have digests; null where there was none. See secret-key-id.ts. */
  secretKey: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .nullable()
    .default(null),
  /** What this scan cannot see here: attributes that no helper reads, owners without a name. */
  limits: z.array(z.string()).max(100),
});
export type Coverage = z.infer<typeof Coverage>;

/** The text that a coverage travels and is hashed as. */
export const coverageText = (coverage: Coverage): string => canonicalJson(coverage);
