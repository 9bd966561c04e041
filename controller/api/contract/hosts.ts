import { DryRun, DryRunRequest } from '@tidemark/shared/orders/dry-run.ts';
import { z } from 'zod';
import { HostName, Instant } from './common.ts';
import { route } from './route.ts';

export const HostSummary = z.object({
  name: HostName,
  /** Null until its agent has enrolled. */
  id: z.uuid().nullable(),
  state: z.enum(['not-enrolled', 'enrolled', 'evicted', 'banned']),
  connected: z.boolean(),
  lastSeenAt: Instant.nullable(),
  agentVersion: z.string().nullable(),
  /** Null where the landscape does not know it. */
  application: z.string().nullable(),
  environment: z.string().nullable(),
  tags: z.array(z.string()),
});
export type HostSummary = z.input<typeof HostSummary>;

export const Host = HostSummary.extend({
  attributes: z.record(z.string(), z.unknown()),
  components: z.array(z.string()),
  clusters: z.array(z.string()),
  facts: z.record(z.string(), z.unknown()).nullable(),
  factsObservedAt: Instant.nullable(),
  /** They are so old that nobody should rely on them. */
  factsStale: z.boolean(),
  /** What its agent told and was not kept, with the reason. */
  factsRefused: z.array(z.string()),
});
export type Host = z.input<typeof Host>;

export const Change = z.object({
  /** When it was first seen so. */
  at: Instant,
  /** A kind of facts: `packages`, `services`, `mounts`, or the name of a site's own program. */
  kind: z.string(),
  /** What of that kind; empty where the kind as a whole came or went. */
  subject: z.string(),
  /** Null where it was not there. */
  from: z.string().nullable(),
  to: z.string().nullable(),
});
export type Change = z.input<typeof Change>;

export const Changes = z.object({
  host: HostName,
  since: Instant,
  changes: z.array(Change),
  /** There were more; these are the last. */
  truncated: z.boolean(),
  factsObservedAt: Instant.nullable(),
  /** Milliseconds; null where nothing was told. */
  factsAgeMs: z.number().nullable(),
  factsStale: z.boolean(),
});
export type Changes = z.input<typeof Changes>;

export const hostRoutes = {
  listHosts: route({
    method: 'GET',
    path: '/hosts',
    role: 'viewer',
    tag: 'hosts',
    summary: 'Every host that the landscape or an agent has named',
    reply: z.object({ hosts: z.array(HostSummary) }),
  }),
  getHost: route({
    method: 'GET',
    path: '/hosts/:name',
    role: 'viewer',
    tag: 'hosts',
    summary: 'One host with its facts',
    params: z.strictObject({ name: HostName }),
    reply: Host,
  }),
  listChanges: route({
    method: 'GET',
    path: '/hosts/:name/changes',
    role: 'viewer',
    tag: 'hosts',
    summary: 'What has changed on a host since a moment, as its agent told it; 100 days are kept',
    params: z.strictObject({ name: HostName }),
    query: z.strictObject({ since: Instant }),
    reply: Changes,
  }),
  dryRunHost: route({
    method: 'POST',
    path: '/hosts/:name/dry-run',
    role: 'operator',
    tag: 'hosts',
    summary: 'What steps that change packages would do to a host, asked of its agent now; nothing is changed',
    params: z.strictObject({ name: HostName }),
    body: DryRunRequest,
    reply: DryRun,
  }),
  createEnrolmentToken: route({
    method: 'POST',
    path: '/enrolment-tokens',
    role: 'operator',
    tag: 'hosts',
    summary: 'A token with which the agent of one host enrols, once',
    body: z.strictObject({
      host: HostName,
      /** Milliseconds; at most a day. */
      ttlMs: z
        .int()
        .min(1_000)
        .max(24 * 3_600_000)
        .default(600_000),
    }),
    status: 201,
    reply: z.object({ token: z.string(), host: HostName, expiresAt: Instant }),
  }),
  evictHost: route({
    method: 'POST',
    path: '/hosts/:name/evict',
    role: 'admin',
    tag: 'hosts',
    summary: 'Revokes the certificates of a host; it may enrol again',
    params: z.strictObject({ name: HostName }),
    reply: z.object({ name: HostName, state: z.literal('evicted') }),
  }),
  banHost: route({
    method: 'POST',
    path: '/hosts/:name/ban',
    role: 'admin',
    tag: 'hosts',
    summary: 'Revokes the certificates of a host and refuses it from now on',
    params: z.strictObject({ name: HostName }),
    reply: z.object({ name: HostName, state: z.literal('banned') }),
  }),
};
