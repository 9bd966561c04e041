import { Plane } from '@tidemark/shared/fingerprint/profile.ts';
import { Envelope } from '@tidemark/shared/signing/dsse.ts';
import { z } from 'zod';
import { DigestParam, HostName, Instant, Name } from './common.ts';
import { route } from './route.ts';

export const ScanRequest = z.object({
  id: z.string(),
  host: z.string(),
  state: z.enum(['asked', 'done', 'failed']),
  /** Why it failed. */
  message: z.string(),
  /** What came of it. */
  fingerprint: z.string().nullable(),
  askedAt: Instant,
  endedAt: Instant.nullable(),
});
export type ScanRequest = z.input<typeof ScanRequest>;

export const Fingerprint = z.object({
  id: z.string(),
  host: z.string(),
  profile: z.string(),
  profileDigest: DigestParam,
  softwareRoot: z.string(),
  configRoot: z.string(),
  /** How many files and bytes were looked at, how many left out. */
  coverage: z.record(z.string(), z.unknown()),
  startedAt: Instant,
  finishedAt: Instant,
});
export type Fingerprint = z.input<typeof Fingerprint>;

export const DriftClass = z.enum([
  'patch-skew',
  'partial-patch',
  'not-loaded',
  'modified-packaged',
  'missing-packaged',
  'unmanaged-executable',
  'unmanaged-data',
  'config-drift',
  'config-expected',
  'must-differ-violation',
  'meta-drift',
  'generated',
  'unstable',
  'unscanned',
]);
export type DriftClass = z.infer<typeof DriftClass>;

export const DriftEntry = z.object({
  class: DriftClass,
  /** Null where no known product owns the file. */
  product: z.string().nullable(),
  plane: Plane,
  path: z.string(),
  /** Digest, or null where there should be nothing. */
  expected: z.string().nullable(),
  /** Digest, or null where there is nothing. */
  found: z.string().nullable(),
  note: z.string(),
  /** The waiver that covers it, where one does. */
  waiver: z.string().optional(),
});
export type DriftEntry = z.input<typeof DriftEntry>;

const DriftGroup = z.object({
  cause: z.string(),
  class: DriftClass,
  product: z.string().nullable(),
  entries: z.array(DriftEntry),
});
export type DriftGroup = z.input<typeof DriftGroup>;

export const DriftReport = z.object({
  /** What was looked at. */
  host: z.string(),
  /** What it was held against: `signatures`, or the name of a host. */
  against: z.string(),
  scannedAt: Instant,
  againstScannedAt: Instant.nullable(),
  identical: z.boolean(),
  /** The answer in one sentence. */
  sentence: z.string(),
  /** Differences that were left out because another release explains them. */
  patches: z.int(),
  /** By cause and product, the worst first. */
  groups: z.array(DriftGroup),
});
export type DriftReport = z.input<typeof DriftReport>;

export const ClusterReport = z.object({
  cluster: z.string(),
  members: z.array(z.object({ host: z.string(), scannedAt: Instant })),
  identical: z.boolean(),
  sentence: z.string(),
  patches: z.int(),
  /** Members that are not like most, with what makes them so. */
  outliers: z.array(z.object({ host: z.string(), groups: z.array(DriftGroup) })),
});
export type ClusterReport = z.input<typeof ClusterReport>;

export const Baseline = z.object({
  name: z.string(),
  host: z.string(),
  fingerprint: z.string(),
  createdBy: z.string(),
  createdAt: Instant,
});
export type Baseline = z.input<typeof Baseline>;

export const Waiver = z.object({
  id: z.string(),
  /** Null here and below: all. */
  host: z.string().nullable(),
  cluster: z.string().nullable(),
  product: z.string().nullable(),
  class: z.string().nullable(),
  path: z.string(),
  reason: z.string(),
  createdBy: z.string(),
  createdAt: Instant,
  expiresAt: Instant,
  endedAt: Instant.nullable(),
});
export type Waiver = z.input<typeof Waiver>;

export const ScanSchedule = z.object({
  name: z.string(),
  /** CEL over hosts, as in policies. */
  select: z.string(),
  cron: z.string(),
  timezone: z.string(),
  onDrift: z.enum(['report', 'incident']),
  /** Of its scans, by name; null for what the landscape says of each host. */
  profile: z.string().nullable(),
  nextDueAt: Instant,
  createdBy: z.string(),
  createdAt: Instant,
});
export type ScanSchedule = z.input<typeof ScanSchedule>;

/** HOST, HOST@TIME, HOST@ and how a fingerprint's id begins, or baseline:NAME. */
const Reference = z.string().min(1).max(400);
const BaselineName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'must be small letters, digits, ".", "_" or "-"');

/** A profile by its name, its newest version, or NAME@VERSION. */
const ProfileName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(@[0-9]{1,9})?$/, 'must be NAME or NAME@VERSION');

const HostParam = z.strictObject({ name: HostName });
const Excluding = z.enum(['nothing', 'patches']).default('nothing');
const PlaneChoice = z.enum(['software', 'config', 'all']).default('all');

export const fingerprintRoutes = {
  scanHost: route({
    method: 'POST',
    path: '/hosts/:name/scans',
    role: 'operator',
    tag: 'fingerprints',
    summary: 'Asks a host for a fresh fingerprint',
    params: HostParam,
    body: z.strictObject({ profile: ProfileName.nullable().default(null) }),
    status: 202,
    reply: ScanRequest,
  }),
  auditHosts: route({
    method: 'POST',
    path: '/audits',
    role: 'operator',
    tag: 'fingerprints',
    summary: 'Asks hosts to digest files now under one fresh nonce; scans that can be compared by their fingerprints',
    body: z.strictObject({
      hosts: z.array(HostName).min(2).max(100),
      paths: z.array(z.string().min(2).max(4096).startsWith('/')).min(1).max(100),
    }),
    status: 202,
    reply: z.object({ scans: z.array(ScanRequest) }),
  }),
  getScan: route({
    method: 'GET',
    path: '/scans/:id',
    role: 'viewer',
    tag: 'fingerprints',
    summary: 'What came of a scan that was asked for',
    params: z.strictObject({ id: z.uuid() }),
    reply: ScanRequest,
  }),
  listFingerprints: route({
    method: 'GET',
    path: '/hosts/:name/fingerprints',
    role: 'viewer',
    tag: 'fingerprints',
    summary: 'Fingerprints of a host, newest first',
    params: HostParam,
    reply: z.object({ fingerprints: z.array(Fingerprint) }),
  }),
  compareHosts: route({
    method: 'GET',
    path: '/drift',
    role: 'viewer',
    tag: 'fingerprints',
    summary: 'How b differs from a: hosts now or then, or baselines',
    query: z.strictObject({ a: Reference, b: Reference, plane: PlaneChoice, excluding: Excluding }),
    reply: DriftReport,
  }),
  compareCluster: route({
    method: 'GET',
    path: '/clusters/:name/drift',
    role: 'viewer',
    tag: 'fingerprints',
    summary: 'Which members of a cluster are not like the others',
    params: z.strictObject({ name: Name }),
    query: z.strictObject({ plane: PlaneChoice, excluding: Excluding }),
    reply: ClusterReport,
  }),
  listBaselines: route({
    method: 'GET',
    path: '/baselines',
    role: 'viewer',
    tag: 'fingerprints',
    summary: 'Fingerprints that are kept as references',
    reply: z.object({ baselines: z.array(Baseline) }),
  }),
  keepBaseline: route({
    method: 'POST',
    path: '/baselines',
    role: 'operator',
    tag: 'fingerprints',
    summary: 'Keeps a fingerprint as a reference; an approver has signed that it is one (DSSE)',
    body: z.strictObject({ envelope: Envelope, reference: Reference }),
    status: 201,
    reply: Baseline,
  }),
  removeBaseline: route({
    method: 'DELETE',
    path: '/baselines/:name',
    role: 'operator',
    tag: 'fingerprints',
    summary: 'Removes a baseline; its fingerprint is kept as long as any other',
    params: z.strictObject({ name: BaselineName }),
    reply: z.object({ name: z.string() }),
  }),
  listWaivers: route({
    method: 'GET',
    path: '/waivers',
    role: 'viewer',
    tag: 'fingerprints',
    summary: 'Differences that somebody answers for',
    query: z.strictObject({ state: z.enum(['in-force', 'all']).default('in-force') }),
    reply: z.object({ waivers: z.array(Waiver) }),
  }),
  addWaiver: route({
    method: 'POST',
    path: '/waivers',
    role: 'operator',
    tag: 'fingerprints',
    summary: 'Answers for differences until a day: they are reported and do not count',
    body: z.strictObject({
      host: HostName.nullable().default(null),
      cluster: Name.nullable().default(null),
      product: Name.nullable().default(null),
      class: z.string().max(64).nullable().default(null),
      path: z.string().min(1).max(4096),
      reason: z.string().min(1).max(1_000),
      expiresAt: Instant,
    }),
    status: 201,
    reply: Waiver,
  }),
  endWaiver: route({
    method: 'DELETE',
    path: '/waivers/:id',
    role: 'operator',
    tag: 'fingerprints',
    summary: 'Ends a waiver before it expires',
    params: z.strictObject({ id: z.uuid() }),
    reply: z.object({ id: z.string() }),
  }),
  driftOfHost: route({
    method: 'GET',
    path: '/drift/:name',
    role: 'viewer',
    tag: 'fingerprints',
    summary: 'How a host differs from what its products should be',
    params: HostParam,
    reply: DriftReport,
  }),
  listSchedules: route({
    method: 'GET',
    path: '/schedules',
    role: 'viewer',
    tag: 'fingerprints',
    summary: 'Scans that come by themselves',
    reply: z.object({ schedules: z.array(ScanSchedule) }),
  }),
  addSchedule: route({
    method: 'POST',
    path: '/schedules',
    role: 'operator',
    tag: 'fingerprints',
    summary: 'Lets scans of hosts come by themselves',
    body: ScanSchedule.pick({ name: true, select: true, cron: true, timezone: true, onDrift: true })
      .extend({ profile: ProfileName.nullable().default(null) })
      .strict(),
    status: 201,
    reply: ScanSchedule,
  }),
  removeSchedule: route({
    method: 'DELETE',
    path: '/schedules/:name',
    role: 'operator',
    tag: 'fingerprints',
    summary: 'Ends a schedule',
    params: z.strictObject({ name: Name }),
    reply: z.object({ name: z.string() }),
  }),
};
