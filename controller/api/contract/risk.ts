import { z } from 'zod';
import { DigestParam, FileName, HostName, Instant, Name } from './common.ts';
import { RepositoryUrl } from './repository-imports.ts';
import { route } from './route.ts';

/** Vendors write colons, slashes and more into names of advisories: `RHSA-2026:1234`, `SUSE-SU-2026:0001-1`. */
const AdvisoryName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9:._/+-]{0,199}$/, 'must be the name of an advisory, like CVE-2026-12345');

const Range = z.object({
  introduced: z.string().nullable(),
  fixed: z.string().nullable(),
  lastAffected: z.string().nullable(),
});

export const Advisory = z.object({
  id: z.string(),
  format: z.enum(['osv', 'csaf']),
  aliases: z.array(z.string()),
  summary: z.string(),
  severity: z.object({ score: z.number().nullable(), from: z.string() }),
  modified: Instant,
  withdrawn: Instant.nullable(),
  affected: z.array(
    z.object({
      ecosystem: z.string(),
      order: z.string(),
      name: z.string(),
      ranges: z.array(Range),
      versions: z.array(z.string()),
    }),
  ),
});
export type Advisory = z.input<typeof Advisory>;

export const AdvisoriesImported = z.object({
  files: z.int(),
  /** Taken, because they are new or newer than what was known. */
  advisories: z.int(),
  unchanged: z.int(),
  withdrawn: z.int(),
  knownUses: z.int(),
  probabilities: z.int(),
  /** Ecosystems that are not known here, with how many packages of them were left out. */
  leftOut: z.record(z.string(), z.int()),
});
export type AdvisoriesImported = z.input<typeof AdvisoriesImported>;

export const Standing = z.object({
  host: z.string(),
  state: z.enum(['affected', 'planned', 'patched', 'unknown']),
  evidence: z.array(z.string()),
  plan: z.object({ digest: z.string(), run: z.string().nullable() }).nullable(),
});
export type Standing = z.input<typeof Standing>;

const Factor = z.object({ value: z.number(), because: z.string() });

export const HostRisk = z.object({
  host: z.string(),
  score: z.number(),
  findings: z.array(
    z.object({
      advisory: z.string(),
      cves: z.array(z.string()),
      summary: z.string(),
      packages: z.array(z.string()),
      version: z.string(),
      fixed: z.string().nullable(),
      /** The versions could not be compared: it may be affected. */
      isUnsure: z.boolean(),
      /** Severity x exploitation x importance x exposure. */
      score: z.object({
        value: z.number(),
        severity: Factor,
        exploitation: Factor,
        importance: Factor,
        exposure: Factor,
      }),
    }),
  ),
  /** Why nothing is known of what is installed; null where it is. */
  unknown: z.string().nullable(),
});
export type HostRisk = z.input<typeof HostRisk>;

export const BundleEffect = z.object({
  bundle: z.string(),
  hosts: z.array(
    z.object({ host: z.string(), before: z.number(), after: z.number(), removed: z.array(z.string()), left: z.int() }),
  ),
  removed: z.array(z.object({ name: z.string(), hosts: z.int() })),
});
export type BundleEffect = z.input<typeof BundleEffect>;

const advisory = z.strictObject({ name: AdvisoryName });

export const riskRoutes = {
  importAdvisories: route({
    method: 'POST',
    path: '/advisories',
    role: 'operator',
    tag: 'risk',
    summary:
      'Takes advisories (OSV, CSAF) or what is known of their use (KEV, EPSS): a file, .zip or .tar, all of it or nothing',
    query: z.strictObject({ name: FileName, digest: DigestParam }),
    bytes: true,
    reply: AdvisoriesImported,
  }),
  importAdvisoriesFrom: route({
    method: 'POST',
    path: '/advisories/mirror',
    role: 'operator',
    tag: 'risk',
    summary: 'The same from an address of a mirror',
    body: z.strictObject({ url: RepositoryUrl }),
    reply: AdvisoriesImported,
  }),
  getAdvisories: route({
    method: 'GET',
    path: '/advisories/:name',
    role: 'viewer',
    tag: 'risk',
    summary: 'Advisories of this name or CVE number',
    params: advisory,
    reply: z.object({ advisories: z.array(Advisory) }),
  }),
  getStandings: route({
    method: 'GET',
    path: '/advisories/:name/hosts',
    role: 'viewer',
    tag: 'risk',
    summary: 'Where each host stands with a weakness: affected, planned, patched with evidence, or unknown',
    params: advisory,
    reply: z.object({ advisories: z.array(Advisory), hosts: z.array(Standing) }),
  }),
  listRisks: route({
    method: 'GET',
    path: '/risk/hosts',
    role: 'viewer',
    tag: 'risk',
    summary: 'Hosts by their risk, the highest first',
    query: z.strictObject({ limit: z.coerce.number().int().min(1).max(1_000).default(50) }),
    reply: z.object({ hosts: z.array(HostRisk), total: z.int() }),
  }),
  getHostRisk: route({
    method: 'GET',
    path: '/risk/hosts/:name',
    role: 'viewer',
    tag: 'risk',
    summary: 'The risk of a host with all its arithmetic',
    params: z.strictObject({ name: HostName }),
    reply: HostRisk,
  }),
  getBundleEffect: route({
    method: 'GET',
    path: '/risk/bundles/:name',
    role: 'viewer',
    tag: 'risk',
    summary: 'What a bundle would remove from each host',
    params: z.strictObject({ name: Name }),
    reply: BundleEffect,
  }),
};
