import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { type Digest, digestFromBytes } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';
import { type InclusionProof, leafHash, merkleRoot, proveAll } from '../merkle/proof.ts';
import { DigestText } from './arguments.ts';
import { decodeOrder, type Order } from './order.ts';

/**
 * A plan: one order a host and, in its header, everything between hosts. It is known by its content: the Merkle root over
 * the header (leaf 0) and the orders (by host id), so that one signature covers every byte that any host will run and
 * the rules by which the orchestrator lets them.
 */

const Instant = z.int().min(0);
const HostName = z.string().min(1);

/** A job of a host: `{ host: 'db01', job: 'stop:orders-db' }`. Hosts go by name inside a plan. */
const JobRef = z.strictObject({ host: HostName, job: z.string().min(1) });
export type JobRef = z.infer<typeof JobRef>;

const PlannedHost = z.strictObject({
  id: z.uuid(),
  name: HostName,
  application: z.string().nullable(),
  tiers: z.array(z.string()),
  cluster: z.string().nullable(),
  /** The role that the probe found when the plan was compiled; the run is held where it is another by then. */
  clusterRole: z.enum(['active', 'standby']).nullable(),
  wave: z.string(),
  /** Hosts of one unit start together: an application that cannot roll. Alone, a host is its own unit. */
  unit: z.string(),
  /** Of the policy's groups that it is in, the highest. Within a wave the more important host goes first. */
  importance: z.int().default(0),
  /** There where a group of the policy says so: drift that the scan after the run finds opens an incident. */
  onDrift: z.literal('incident').optional(),
  /** What is on it now and what the bundle brings. */
  changes: z.array(
    z.strictObject({ component: z.string(), product: z.string(), from: z.string().nullable(), to: z.string() }),
  ),
});
export type PlannedHost = z.infer<typeof PlannedHost>;

/**
 * What becomes of hosts that have not begun when an approval that covered them is over: they wait for a new one, with an
 * incident, or are cancelled. What has begun comes to its end.
 */
const OnExpire = z.enum(['hold', 'cancel']);

/** Who must approve. `expiresMs`: so long after it was given an approval still covers a start; null: while it is valid. */
const Approvers = {
  from: z.array(z.string()),
  need: z.int().min(1),
  notAuthor: z.boolean(),
  expiresMs: z.int().min(1).nullable().default(null),
  onExpire: OnExpire.default('hold'),
};

/** How a gate that asks a machine goes on asking: `everyMs` apart, until it has an answer or `withinMs` are over. */
const Polling = {
  everyMs: z.int().min(1_000),
  withinMs: z.int().min(1_000),
  timeoutMs: z.int().min(1),
};

/**
 * What must be so before a wave opens, beside the waves that it needs. `name` is unique in its wave. A gate that cannot
 * answer neither passes nor fails: the run pauses and asks a person.
 */
const Gate = z.discriminatedUnion('kind', [
  /** Signed for `wave/<name of the wave>`. */
  z.strictObject({ kind: z.literal('approval'), name: z.string().min(1), ...Approvers }),
  /** Somebody outside says go or no-go through the API. */
  z.strictObject({ kind: z.literal('signal'), name: z.string().min(1), withinMs: z.int().min(1_000).nullable() }),
  /** Asked by the controller. No redirect is followed. */
  z.strictObject({
    kind: z.literal('http'),
    name: z.string().min(1),
    url: z.url({ protocol: /^https?$/ }),
    expectStatus: z.int().min(100).max(599),
    expectText: z.string().max(4_096).nullable(),
    ...Polling,
  }),
  /** An instant query of Prometheus, asked by the controller: every series of the answer must satisfy it, and one must be there. */
  z.strictObject({
    kind: z.literal('metric'),
    name: z.string().min(1),
    /** Of the Prometheus: `https://prometheus.example.com`. */
    url: z.url({ protocol: /^https?$/ }),
    query: z.string().min(1).max(4_096),
    pass: z.strictObject({ operator: z.enum(['<', '<=', '>', '>=', '==', '!=']), value: z.number() }),
    ...Polling,
  }),
]);
export type Gate = z.infer<typeof Gate>;

const Wave = z.strictObject({
  name: z.string(),
  /** Waves that must have ended before. */
  needs: z.array(z.string()),
  /** Hosts at work at once. */
  maxParallel: z.int().min(1),
  /** After its last host, before what needs it. */
  soakMs: z.int().min(0),
  /** All of them, before it opens. */
  gates: z.array(Gate).default([]),
});

/** `before` must have ended well before `after` is released. */
const Precedence = z.strictObject({ before: JobRef, after: JobRef, reason: z.string() });

/**
 * At most `maxOut` of these hosts may be out of service (begun and not ended well) at once. One with a `key` holds over
 * all runs that are active: whatever is out in a limit of the same key counts, wherever it was planned, and where two
 * plans say different numbers the smaller one holds.
 */
const Limit = z.strictObject({
  name: z.string(),
  /** `cluster/paydb`, `tier/payments/web`, `application/payments`, `attribute/site/fra1`; null: of this run alone. */
  key: z.string().nullable().default(null),
  hosts: z.array(HostName).min(1),
  maxOut: z.int().min(1),
  reason: z.string(),
});

const PlannedCluster = z.strictObject({
  name: z.string(),
  members: z.array(HostName).min(1),
  /** How the members follow each other; what it means for each is in the precedences. */
  order: z.enum(['inactive-first', 'fewest-roles-first', 'listed']).default('inactive-first'),
  /** CEL over `facts`: true on the member that is active. Null where all members are alike: no role is looked at. */
  activeWhen: z.string().nullable(),
  /** CEL over `facts`: true on a member that is well. Null: a member whose agent speaks is. */
  healthyWhen: z.string().nullable().default(null),
  /**
   * So many members, the one that is about to go not counted, must be well before a member begins. At least one: the last
   * healthy member is never touched.
   */
  minHealthy: z.int().min(1).default(1),
  onFailure: z.enum(['hold-cluster', 'continue']),
});

/**
 * When more than so many have failed, stop starting hosts (`pause`) or stop starting and end the run with what has begun
 * (`stop`). Null: no such limit.
 */
const Budget = z.strictObject({
  scope: z.enum(['wave', 'cluster', 'application', 'run']),
  /** Name of the wave, cluster or application; null for each of them. */
  of: z.string().nullable(),
  maxFailed: z.int().min(0).nullable(),
  maxFailedShare: z.number().min(0).max(1).nullable(),
  /**
   * Only with scope `run`: exceeded while the expected end of the run lies later than this before the window's end;
   * 0: later than the window's end.
   */
  minMarginMs: z.int().min(0).nullable().default(null),
  action: z.enum(['pause', 'stop']),
});

/** Of the plan as a whole; a wave's own are among its gates. */
const ApprovalRule = z.strictObject({ gate: z.literal('plan'), ...Approvers });

const Window = z.strictObject({
  start: Instant,
  end: Instant,
  reserveMs: z.int().min(0),
  timezone: z.string(),
  /** How its start was found: the policy's recurrence, or a person's word. */
  chosen: z.enum(['recurrence', 'given']).default('given'),
  /** Earlier occurrences that were passed over, each with the freeze that lies in them. */
  skipped: z.array(z.strictObject({ start: Instant, reason: z.string() })).default([]),
});

export const PlanHeader = z.strictObject({
  format: z.literal('tidemark/plan/v1'),
  name: z.string().min(1),
  fleet: z.string().min(1),
  author: z.string(),
  compiledAt: Instant,
  policy: z.strictObject({
    name: z.string(),
    owner: z.string(),
    digest: DigestText,
    /** Calendars that it names, as they were. */
    files: z.array(z.strictObject({ name: z.string(), digest: DigestText })).default([]),
  }),
  landscapeVersion: z.int().min(0),
  /** Sources that could not be read anew, one sentence each; left out where all could. */
  landscapeStale: z.array(z.string()).optional(),
  bundle: z.strictObject({
    name: z.string(),
    digest: DigestText,
    /** Of its patches those that the policy leaves out, each with its version. */
    leftOut: z.array(z.string()).default([]),
  }),
  window: Window,
  /** Null in ordinary times. What it says has been applied already: this is for those who approve, and for the record. */
  emergency: z
    .strictObject({ reason: z.string().min(1), changes: z.array(z.string()) })
    .nullable()
    .default(null),
  hosts: z.array(PlannedHost),
  /** In the order in which they run. */
  waves: z.array(Wave),
  precedences: z.array(Precedence),
  limits: z.array(Limit),
  clusters: z.array(PlannedCluster),
  budgets: z.array(Budget),
  approvals: z.array(ApprovalRule),
  /** Selected, and yet not in it. */
  excluded: z.array(z.strictObject({ host: HostName, reason: z.string() })),
});
export type PlanHeader = z.infer<typeof PlanHeader>;
/** As it is written: what has a default may be missing. */
export type WrittenPlanHeader = z.input<typeof PlanHeader>;

/** What travels and is kept: the texts whose bytes were hashed. */
export const PlanDocument = z.strictObject({
  format: z.literal('tidemark/plan-document/v1'),
  header: z.string(),
  /** In the order of the leaves: by host id. */
  orders: z.array(z.string()),
});
export type PlanDocument = z.infer<typeof PlanDocument>;

export interface PlanOrder {
  order: Order;
  bytes: Buffer;
  /** Leaf hash: how dispatches and reports name the order. */
  digest: Digest;
  proof: InclusionProof;
}

export interface Plan {
  digest: Digest;
  header: PlanHeader;
  /** By host id. */
  orders: PlanOrder[];
}

export const orderDigest = (bytes: Uint8Array): Digest => digestFromBytes(leafHash(bytes));

/** Puts header and orders into the one document that has this content. */
export function encodePlan(header: WrittenPlanHeader, orders: readonly Order[]): PlanDocument {
  const sorted = [...orders].sort((a, b) => (a.host.id < b.host.id ? -1 : 1));
  return {
    format: 'tidemark/plan-document/v1',
    header: canonicalJson(header),
    orders: sorted.map(order => canonicalJson(order)),
  };
}

/** Reads a document, recomputes its digest and all proofs, and checks that header and orders speak of the same. */
export function openPlan(document: PlanDocument): Result<Plan, string> {
  const header = parseHeader(document.header);
  if (!header.ok) return header;
  const texts = document.orders.map(text => Buffer.from(text, 'utf8'));
  const leaves = [Buffer.from(document.header, 'utf8'), ...texts].map(leafHash);
  const proofs = proveAll(leaves);
  const orders: PlanOrder[] = [];
  for (const [index, bytes] of texts.entries()) {
    const order = decodeOrder(bytes);
    if (!order.ok) return err(`order ${index}: ${order.error}`);
    const proof = proofs[index + 1];
    const leaf = leaves[index + 1];
    if (!proof || !leaf) return err(`order ${index} has no proof`);
    orders.push({ order: order.value, bytes, digest: digestFromBytes(leaf), proof });
  }
  const mismatch = disagreement(header.value, orders);
  if (mismatch) return err(mismatch);
  return ok({ digest: digestFromBytes(merkleRoot(leaves)), header: header.value, orders });
}

function parseHeader(text: string): Result<PlanHeader, string> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return err(`the plan's header is not JSON: ${(error as Error).message}`);
  }
  const parsed = PlanHeader.safeParse(json);
  if (parsed.success) return ok(parsed.data);
  const issue = parsed.error.issues[0];
  return err(`the plan's header: ${issue?.path.join('.')}: ${issue?.message}`);
}

/** Why header and orders cannot be one plan, or null. A reader of the header must not be shown other hosts than run. */
function disagreement(header: PlanHeader, orders: readonly PlanOrder[]): string | null {
  const ids = orders.map(({ order }) => order.host.id);
  if (ids.some((id, index) => index > 0 && id <= (ids[index - 1] ?? ''))) return 'the orders are not sorted by host id';
  const planned = new Map(header.hosts.map(host => [host.id, host.name]));
  if (planned.size !== header.hosts.length || planned.size !== orders.length)
    return 'header and orders list other hosts';
  const jobs = new Set<string>();
  for (const { order } of orders) {
    if (planned.get(order.host.id) !== order.host.name) return `the header does not list ${order.host.name}`;
    if (order.fleet !== header.fleet || order.plan.name !== header.name)
      return `the order of ${order.host.name} is of another plan`;
    for (const job of order.jobs) jobs.add(`${order.host.name}\0${job.id}`);
  }
  for (const { before, after } of header.precedences) {
    for (const ref of [before, after]) {
      if (!jobs.has(`${ref.host}\0${ref.job}`)) return `a precedence names ${ref.job} on ${ref.host}, which is no job`;
    }
  }
  return null;
}
