import { OnFailure } from '@tidemark/shared/orders/order.ts';
import { z } from 'zod';
import { Duration, MinInServiceValue } from './quantities.ts';

/*
 * The policy file. Keys that the language has and the planner cannot do yet are part of the schema as `later`, so that
 * they are refused as what they are (see unsupported.ts) and not as unknown.
 */
const later = z.unknown().optional();

const Name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'must be letters, digits, ".", "_" or "-"');
const Cel = z.string().max(4096);
const Retries = z.strictObject({ max: z.int().min(0).max(100), backoff: Duration.default(5_000) });
/** Parsed once the kind of the step is known. */
const With = z.record(z.string(), z.unknown());

const Tier = z.strictObject({ name: Name, minInService: MinInServiceValue.optional() });
const Span = z.enum(['host', 'application']);

const Tiers = z.union([
  z
    .array(Tier)
    .min(1)
    .transform(order => ({ span: 'host' as const, order, overrides: [] })),
  z.strictObject({
    span: Span.default('host'),
    order: z.array(Tier).min(1),
    overrides: z.array(z.strictObject({ when: Cel, span: Span })).default([]),
  }),
]);

const Cluster = z.strictObject({
  name: Name,
  when: Cel.optional(),
  order: z.string().default('inactive-first'),
  activeWhen: Cel,
  handover: z.strictObject({ uses: z.string(), with: With, timeout: Duration.optional() }).optional(),
  onFailure: z.enum(['hold-cluster', 'continue']).default('hold-cluster'),
});

const Wave = z.strictObject({
  name: Name,
  when: Cel.optional(),
  pick: z.union([z.int().min(1), z.string()]).optional(),
  maxParallel: z.int().min(1).optional(),
  soak: Duration.default(0),
  needs: z.array(z.string()).optional(),
  gates: later,
});

const Budget = z.strictObject({
  when: Cel.optional(),
  scope: z.enum(['wave', 'cluster', 'application', 'run']).optional(),
  of: z.string().optional(),
  maxFailed: z.int().min(0).optional(),
  maxFailedShare: z.number().min(0).max(1).optional(),
  // biome-ignore lint/suspicious/noThenProperty: the policy language's own word; nothing awaits a budget.
  then: z.enum(['pause', 'stop', 'stop-starting']),
});

const Approval = z.strictObject({
  gate: z.string().default('plan'),
  from: z.array(z.string().min(1)).default([]),
  need: z.int().min(1).default(1),
  notAuthor: z.boolean().default(false),
  expires: later,
  onExpire: later,
});

const Step = z.strictObject({
  id: Name,
  uses: z.string(),
  with: With.default({}),
  when: Cel.optional(),
  needs: z.array(z.string()).default([]),
  timeout: Duration.optional(),
  retries: Retries.optional(),
  undo: z.string().optional(),
  onFailure: OnFailure.optional(),
  order: z.string().optional(),
});

export const PolicyFile = z.strictObject({
  apiVersion: z.literal('tidemark/v1'),
  kind: z.literal('PatchPolicy'),
  metadata: z.strictObject({
    name: Name,
    owner: z.string().min(1).max(256).default('nobody'),
    /** For people and their searches; nothing is decided by them. */
    labels: z.record(z.string(), z.string()).default({}),
  }),
  spec: z.strictObject({
    /** Nullable, so that a key without a value is refused as what it is. */
    select: Cel.nullish(),
    bundle: z.strictObject({ name: Name.optional(), ring: later, include: later, exclude: later }),
    window: z.strictObject({
      duration: Duration,
      reserve: Duration.default(0),
      timezone: z.string().default('UTC'),
      rrule: later,
      start: later,
      blackout: later,
    }),
    change: later,
    approvals: z.array(Approval).default([]),
    tiers: Tiers.optional(),
    clusters: z.array(Cluster).default([]),
    waves: z.array(Wave).min(1).optional(),
    budgets: z.array(Budget).default([]),
    jobName: later,
    defaults: z
      .strictObject({ timeout: Duration.optional(), retries: Retries.optional(), onFailure: OnFailure.optional() })
      .default({}),
    steps: z.union([z.literal('standard'), z.array(Step).min(1)]).default('standard'),
    promote: later,
    emergency: later,
    notify: later,
    report: later,
  }),
});
export type PolicyFile = z.output<typeof PolicyFile>;
