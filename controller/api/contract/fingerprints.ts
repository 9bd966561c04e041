import { Plane } from '@tidemark/shared/fingerprint/profile.ts';
import { z } from 'zod';
import { HostName, Instant } from './common.ts';
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
  softwareRoot: z.string(),
  configRoot: z.string(),
  /** How many files and bytes were looked at, how many left out. */
  coverage: z.record(z.string(), z.unknown()),
  startedAt: Instant,
  finishedAt: Instant,
});
export type Fingerprint = z.input<typeof Fingerprint>;

export const Identification = z.object({
  host: z.string(),
  fingerprint: z.string(),
  scannedAt: Instant,
  products: z.array(
    z.object({
      product: z.string(),
      home: z.string(),
      /** More than one where they cannot be told apart on disk; none where it is a mix or unknown. */
      versions: z.array(z.string()),
      complete: z.boolean(),
      /** `orders-web 1.4.1, complete` or `31 of 37 files of 1.4.1, 6 still 1.4.0`. */
      sentence: z.string(),
      /** Files that say otherwise, at most a few hundred. */
      exceptions: z.array(z.string()),
      /** Releases that lie beside the one in use. */
      retained: z.array(
        z.object({
          directory: z.string(),
          versions: z.array(z.string()),
          complete: z.boolean(),
          sentence: z.string(),
        }),
      ),
    }),
  ),
});
export type Identification = z.input<typeof Identification>;

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
});
export type DriftEntry = z.input<typeof DriftEntry>;

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
  /** By cause and product, the worst first. */
  groups: z.array(
    z.object({ cause: z.string(), class: DriftClass, product: z.string().nullable(), entries: z.array(DriftEntry) }),
  ),
});
export type DriftReport = z.input<typeof DriftReport>;

const HostParam = z.strictObject({ name: HostName });
const PlaneChoice = z.enum(['software', 'config', 'all']).default('all');

export const fingerprintRoutes = {
  scanHost: route({
    method: 'POST',
    path: '/hosts/:name/scans',
    role: 'operator',
    tag: 'fingerprints',
    summary: 'Asks a host for a fresh fingerprint',
    params: HostParam,
    status: 202,
    reply: ScanRequest,
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
  identifyHost: route({
    method: 'GET',
    path: '/identify/:name',
    role: 'viewer',
    tag: 'fingerprints',
    summary: 'Which version of each product is on a host, and whether all of it',
    params: HostParam,
    reply: Identification,
  }),
  compareHosts: route({
    method: 'GET',
    path: '/drift',
    role: 'viewer',
    tag: 'fingerprints',
    summary: 'How host b differs from host a',
    query: z.strictObject({ a: HostName, b: HostName, plane: PlaneChoice }),
    reply: DriftReport,
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
};
