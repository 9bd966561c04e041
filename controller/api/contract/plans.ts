import { PlanDocument } from '@tidemark/shared/orders/plan.ts';
import { Envelope } from '@tidemark/shared/signing/dsse.ts';
import { z } from 'zod';
import { DigestParam, FileName, Instant } from './common.ts';
import { route } from './route.ts';

/** 1 MiB: far above what a person writes, far below what a parser suffers from. */
export const MAX_POLICY_BYTES = 1024 * 1024;

const ApprovalRecord = z.object({ approver: z.string(), approvedAt: Instant, expiresAt: Instant.nullable() });

/** How far a plan is on its way to be allowed to run. */
export const ApprovalState = z.object({
  approvals: z.array(ApprovalRecord),
  /** Distinct approvers that it takes. */
  needed: z.int(),
  complete: z.boolean(),
});
export type ApprovalState = z.input<typeof ApprovalState>;

export const PlanSummary = z.object({
  digest: z.string(),
  name: z.string(),
  author: z.string(),
  bundle: z.string(),
  hosts: z.int(),
  excluded: z.int(),
  windowStart: Instant,
  windowEnd: Instant,
  createdAt: Instant,
  approval: ApprovalState,
  /** The run that executes it, once there is one: a plan runs once. */
  run: z.string().nullable(),
});
export type PlanSummary = z.input<typeof PlanSummary>;

/** The document is what was hashed: whoever approves computes the digest from it and believes nobody's word. */
export const StoredPlan = z.object({
  digest: z.string(),
  document: PlanDocument,
  approval: ApprovalState,
  run: z.string().nullable(),
});
export type StoredPlan = z.input<typeof StoredPlan>;

export const Forecast = z.object({
  repetitions: z.int(),
  end: z.object({ p50: Instant, p90: Instant }),
  /** From the end (p90) to the window's end without its reserve; below 0 where it does not fit. */
  marginMs: z.number(),
  /** Hosts that were not begun in some of the nights, the most often first. */
  late: z.array(z.object({ host: z.string(), share: z.number(), reason: z.string() })),
  /** Limits that, raised, would let the run end earlier, the one that brings most first. */
  binds: z.array(
    z.object({ limit: z.string(), is: z.number(), raisedTo: z.number(), end: Instant, earlierMs: z.number() }),
  ),
});
export type Forecast = z.input<typeof Forecast>;

export const planRoutes = {
  createPlan: route({
    method: 'POST',
    path: '/plans',
    role: 'operator',
    tag: 'plans',
    summary: 'Compiles a policy into an immutable plan',
    body: z.strictObject({
      policyText: z.string().max(MAX_POLICY_BYTES),
      fileName: FileName,
      /** Other files that the policy names: calendars of freezes. */
      files: z
        .array(z.strictObject({ name: z.string().min(1).max(256), text: z.string().max(MAX_POLICY_BYTES) }))
        .max(20)
        .default([]),
      /** When the window opens; by default at its next recurrence, and without one now. */
      at: Instant.optional(),
      /** Why this is an emergency: the policy's "emergency" then counts. */
      emergency: z.string().min(1).max(1_000).optional(),
      /** Only hosts that are affected by one of them. */
      cves: z.array(z.string().max(32)).min(1).max(100).optional(),
    }),
    status: 201,
    reply: StoredPlan,
  }),
  getPolicySchema: route({
    method: 'GET',
    path: '/policy-schema',
    role: 'viewer',
    tag: 'plans',
    summary: 'JSON Schema of policy files, for editors',
    reply: z.record(z.string(), z.unknown()),
  }),
  listPlans: route({
    method: 'GET',
    path: '/plans',
    role: 'viewer',
    tag: 'plans',
    summary: 'Plans, newest first',
    reply: z.object({ plans: z.array(PlanSummary) }),
  }),
  getPlan: route({
    method: 'GET',
    path: '/plans/:digest',
    role: 'viewer',
    tag: 'plans',
    summary: 'One plan, byte for byte',
    params: z.strictObject({ digest: DigestParam }),
    reply: StoredPlan,
  }),
  forecastPlan: route({
    method: 'GET',
    path: '/plans/:digest/forecast',
    role: 'viewer',
    tag: 'plans',
    summary: 'How the night will probably go: the run played many times, without failures',
    params: z.strictObject({ digest: DigestParam }),
    query: z.strictObject({ repetitions: z.coerce.number().int().min(1).max(1_000).default(200) }),
    reply: Forecast,
  }),
  approvePlan: route({
    method: 'POST',
    path: '/plans/:digest/approvals',
    role: 'approver',
    tag: 'plans',
    summary: 'Hands in an approval that was signed elsewhere (DSSE)',
    params: z.strictObject({ digest: DigestParam }),
    body: Envelope,
    status: 201,
    reply: ApprovalState,
  }),
};
