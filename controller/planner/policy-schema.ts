import { OnFailure } from '@tidemark/shared/orders/order.ts';
import { z } from 'zod';
import { Duration, durationUpTo, Share } from '../documents/quantities.ts';
import { MinInServiceValue } from './quantities.ts';

/*
 * The policy file. Keys that the language has and the planner cannot do yet are part of the schema as `later`, so that
 * they are refused as what they are (see unsupported.ts) and not as unknown. `describe` is what editors show.
 */
const later = z.unknown().optional();

const Name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'must be letters, digits, ".", "_" or "-"');
const Cel = z.string().max(4096).describe('a condition in CEL');
const Retries = z.strictObject({ max: z.int().min(0).max(100), backoff: Duration.default(5_000) });
/** Parsed once the kind of the step is known. */
const With = z.record(z.string(), z.unknown());

const Tier = z.strictObject({
  name: Name,
  minInService: MinInServiceValue.optional().describe('hosts of the tier that stay in service: a count, or a share'),
});
const Span = z.enum(['host', 'application']);

const Tiers = z.union([
  z
    .array(Tier)
    .min(1)
    .transform(order => ({ span: 'host' as const, order, overrides: [] })),
  z.strictObject({
    span: Span.default('host').describe('host: each host by itself; application: all hosts of an application together'),
    order: z.array(Tier).min(1).describe('from the top: stopped in this order, started in reverse'),
    overrides: z.array(z.strictObject({ when: Cel, span: Span })).default([]),
  }),
]);

const Cluster = z.strictObject({
  name: Name,
  when: Cel.optional().describe('which clusters it is about; without it the one of this name'),
  order: z.enum(['inactive-first', 'fewest-roles-first', 'listed']).default('inactive-first'),
  members: z.array(Name).min(1).optional().describe('the order, with order: listed'),
  activeWhen: Cel.optional().describe('over facts: true on the member that is active'),
  roles: Cel.optional().describe('over facts: how many roles a member has, with order: fewest-roles-first'),
  healthyWhen: Cel.optional().describe('over facts: true on a member that is well'),
  minHealthy: z.int().min(1).optional().describe('members that stay; a majority, or one of two, without it'),
  handover: z.strictObject({ uses: z.string(), with: With, timeout: Duration.optional() }).optional(),
  onFailure: z.enum(['hold-cluster', 'continue']).default('hold-cluster'),
});

const approvers = {
  from: z.array(z.string().min(1)).default([]).describe('names of approvers; empty: any'),
  need: z.int().min(1).default(1),
  notAuthor: z.boolean().default(false),
  expires: Duration.optional().describe('how long an approval lets hosts begin, from when it was given'),
  onExpire: z.enum(['hold', 'cancel']).default('hold').describe('what becomes of hosts that have not begun by then'),
};

const polling = {
  every: Duration.default(15_000),
  within: Duration.default(300_000).describe('how long to go on asking until it passes'),
  timeout: Duration.default(10_000),
};

const Url = z.url({ protocol: /^https?$/, error: 'must be an address like https://shop.example.com/health' });

const Gate = z.discriminatedUnion('kind', [
  z.strictObject({ name: Name, kind: z.literal('approval'), ...approvers }),
  z.strictObject({ name: Name, kind: z.literal('signal'), within: Duration.optional() }),
  z.strictObject({
    name: Name,
    kind: z.literal('http'),
    url: Url,
    status: z.int().min(100).max(599).default(200),
    text: z.string().max(4_096).optional().describe('what the answer must hold'),
    ...polling,
  }),
  z.strictObject({
    name: Name,
    kind: z.literal('metric'),
    url: Url.describe('of the Prometheus'),
    query: z.string().min(1).max(4_096),
    pass: z
      .string()
      .regex(/^(<|<=|>|>=|==|!=) ?-?\d+(\.\d+)?$/, 'must be a comparison like "< 0.01"')
      .describe('what every value must satisfy: "< 0.01"'),
    ...polling,
  }),
]);

const Wave = z.strictObject({
  name: Name,
  when: Cel.optional(),
  pick: z
    .union([z.int().min(1), Share])
    .optional()
    .describe('at most so many of the hosts that match: a count, or a share'),
  maxParallel: z.int().min(1).optional(),
  soak: Duration.default(0),
  needs: z.array(z.string()).optional(),
  gates: z.array(Gate).default([]).describe('what must be so before it opens'),
});

const Limit = z.strictObject({
  per: z
    .string()
    .regex(/^(cluster|tier|application|attributes\.[A-Za-z0-9][A-Za-z0-9._-]{0,63})$/, {
      error: 'must be cluster, tier, application or an attribute of hosts, like attributes.site',
    })
    .describe('cluster, tier (of an application), application, or attributes.NAME of hosts'),
  maxUnavailable: z.union([z.int().min(1), Share]).describe('over all runs: a count, or a share'),
});

const Requirement = z.strictObject({
  what: z
    .enum(['licence', 'maintenance', 'os-support'])
    .describe('a contract for each product of a host, or support of its operating system by its maker'),
  after: durationUpTo(366).default(0).describe('in force for so long after the window still'),
  otherwise: z.enum(['leave-out', 'refuse']).default('leave-out').describe('hosts without it, or the whole plan'),
});

const Group = z.strictObject({
  name: Name,
  when: Cel,
  importance: z.int().min(-1_000).max(1_000).optional().describe('the more important hosts of a wave go first'),
  onDrift: z
    .enum(['report', 'incident'])
    .default('report')
    .describe('what becomes of drift that the scan after a run finds'),
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

const Approval = z.strictObject({ gate: z.string().default('plan').describe('plan, or wave/NAME'), ...approvers });

/** What a policy can say anew of a standard step. */
const stepSettings = {
  with: With.optional(),
  when: Cel.optional(),
  timeout: Duration.optional(),
  retries: Retries.optional(),
  undo: z.string().optional(),
  onFailure: OnFailure.optional(),
};

const Step = z.strictObject({
  ...stepSettings,
  id: Name,
  uses: z.string(),
  with: With.default({}),
  needs: z.array(z.string()).default([]),
  order: z.string().optional(),
});

/** The standard steps, with changes by id. */
const Standard = z.strictObject({
  base: z.literal('standard'),
  change: z
    .record(Name, z.strictObject({ ...stepSettings, skip: z.boolean().default(false) }))
    .default({})
    .describe('by the id of the standard step; what is not said stays'),
  add: z
    .array(
      z.strictObject({
        ...Step.shape,
        before: Name.optional(),
        after: Name.optional(),
      }),
    )
    .default([])
    .describe('steps beside the standard ones, each before or after another one'),
});

const Emergency = z.strictObject({
  soak: Duration.default(0).describe('no wave soaks longer'),
  waves: z.array(z.string()).min(1).optional().describe('only these; the hosts of the others go with them'),
  approvals: z.array(z.strictObject(approvers)).min(1).describe('in the place of those of the plan'),
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
    bundle: z.strictObject({
      name: Name.optional(),
      ring: Name.optional().describe('promoted at least so far; "tidemark get rings" lists them'),
      include: Cel.optional().describe('over patch: only these of its patches'),
      exclude: Cel.optional().describe('over patch: not these'),
    }),
    window: z.strictObject({
      duration: Duration,
      reserve: Duration.default(0).describe('kept for taking back'),
      timezone: z.string().default('UTC').describe('an IANA name'),
      rrule: z.string().optional().describe('when it comes again (RFC 5545): FREQ=MONTHLY;BYDAY=3SA'),
      start: z.string().optional().describe('a time of day: "22:00"'),
      blackout: z.array(z.string().min(1)).max(20).default([]).describe('calendars (.ics) beside the policy'),
    }),
    change: later,
    approvals: z.array(Approval).default([]),
    tiers: Tiers.optional(),
    clusters: z.array(Cluster).default([]),
    limits: z.array(Limit).default([]).describe('over all runs'),
    landscape: z
      .strictObject({
        onStale: z
          .enum(['note', 'refuse'])
          .default('note')
          .describe('what becomes of a plan where a source of the landscape could not be read anew'),
      })
      .default({ onStale: 'note' }),
    requires: z.array(Requirement).max(20).default([]).describe('contracts and support that must be in force'),
    groups: z.array(Group).default([]).describe('hosts for which something else holds'),
    waves: z.array(Wave).min(1).optional(),
    budgets: z.array(Budget).default([]),
    jobName: z.string().max(256).optional(),
    defaults: z
      .strictObject({ timeout: Duration.optional(), retries: Retries.optional(), onFailure: OnFailure.optional() })
      .default({}),
    steps: z.union([z.literal('standard'), z.array(Step).min(1), Standard]).default('standard'),
    promote: later,
    emergency: Emergency.optional(),
    notify: later,
    report: later,
  }),
});
export type PolicyFile = z.output<typeof PolicyFile>;
