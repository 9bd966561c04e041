import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { type Digest, digestOf } from '../base/digest.ts';

/** Which half of a scan an entry belongs to. Patches change software; administrators change config. */
export const PLANES = ['software', 'config'] as const;
export const Plane = z.enum(PLANES);
export type Plane = z.infer<typeof Plane>;

/** What comparing peers means at a path. What no rule names must be equal. */
export const EXPECTATIONS = [
  'must-equal',
  /** Two hosts with one SSH host key are a finding. */
  'must-differ',
  /** Equal among hosts of one role. */
  'per-role',
  /** Each host has its own. */
  'free',
  /** Only ever added to, as logs are. */
  'growing',
  /** Made on the server, from what is compared anyway or while programs run. What is executable is never excused so. */
  'generated',
] as const;
const Expectation = z.enum(EXPECTATIONS);

/** What is taken out of text before its second digest is made; normalise.ts says how each works. */
export const NORMALISERS = ['hostname', 'addresses', 'uuids', 'timestamps', 'key-order'] as const;
const Normaliser = z.enum(NORMALISERS);
export type Normaliser = z.infer<typeof Normaliser>;

const Pattern = z.string().min(1).max(4096);

/** What a scan looks at. Part of a scan's identity: only scans under the same profile are compared. */
export const ScanProfile = z.strictObject({
  name: z.string().min(1).max(128),
  version: z.int().min(1),
  /** Absolute paths on the server, scanned whole; the plane is what non-executable files below count as. */
  roots: z.array(z.strictObject({ path: z.string().startsWith('/'), plane: Plane })).min(1),
  /** Globs over absolute paths. What they leave out is counted and reported. */
  ignore: z.array(z.string()),
  /** Globs over absolute paths whose plane is not that of their root; the first that fits decides. */
  planes: z
    .array(z.strictObject({ path: Pattern, plane: Plane }))
    .max(1_000)
    .optional(),
  /** What comparisons expect of paths, by globs; the first that fits decides. The reason is what a report gives. */
  expect: z.array(z.strictObject({ path: Pattern, how: Expectation, reason: z.string() })),
  /** Globs over text files that get a second digest, of what is left when these differences are taken out. */
  normalise: z
    .array(z.strictObject({ path: Pattern, rules: z.array(Normaliser).min(1) }))
    .max(1_000)
    .optional(),
  /** Globs over files whose digest is an HMAC under the cluster's key, since their content could be guessed. */
  secret: z.array(Pattern).max(1_000).optional(),
  /** Types of file systems (file-systems.ts) that are entered where they are mounted below a root; else none is. */
  fileSystems: z.array(z.string().min(1).max(32)).max(64).optional(),
  /**
   * 32 bytes in hex that nobody knew before: makes the scan an audit. Every digest is an HMAC-SHA-256 under it, so that
   * none can have been made earlier. What an agent's own policy does not open to audits is skipped (rule).
   */
  nonce: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
});
export type ScanProfile = z.infer<typeof ScanProfile>;

/** The bytes that a profile travels and is hashed as. */
export const profileBytes = (profile: ScanProfile): Buffer => Buffer.from(canonicalJson(profile));

/** Which scans can be compared: those whose profiles have one digest. */
export const profileDigest = (profile: ScanProfile): Digest => digestOf(profileBytes(profile));

/** Whether scans under it are audits: compared once, and no state of a host that is kept. */
export const isAudit = ({ nonce }: ScanProfile): boolean => nonce !== undefined;

/** What an audit looks at: the same for each host that is asked. */
export const auditProfile = (paths: readonly string[], nonce: Uint8Array): ScanProfile => ({
  name: AUDIT_NAME,
  version: 1,
  roots: paths.map(path => ({ path, plane: 'software' as const })),
  ignore: [],
  expect: [],
  nonce: Buffer.from(nonce).toString('hex'),
});

const AUDIT_NAME = 'audit';

/** How people call it. */
export const profileLabel = (profile: ScanProfile): string => `${profile.name} version ${profile.version}`;
