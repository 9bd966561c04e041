import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { Call } from './step-kinds.ts';

/** What happens to the host when the job has failed for good. */
export const OnFailure = z.enum(['undo-host', 'hold', 'skip-host', 'continue']);
export type OnFailure = z.infer<typeof OnFailure>;

const Instant = z.int().min(0);

/** One thing that an agent does. Fully expanded: no selector, no template, no choice is left in it. */
export const Job = z.strictObject({
  /** Unique in its order: `stop:orders-db`. */
  id: z.string().min(1).max(256),
  /** The policy's step that it comes from. */
  step: z.string().min(1).max(128),
  /** What it touches, for people: `stop database orders-db on db01`. */
  name: z.string().min(1).max(512),
  component: z.string().nullable(),
  /** Why the plan has it. */
  reason: z.string().max(1024),
  call: Call,
  /** Takes back what `call` did; null where there is nothing to take back. */
  undo: Call.nullable(),
  timeoutMs: z.int().min(1),
  /** Half of the time it takes no longer. */
  expectedMs: z.int().min(0),
  /** Nine times of ten it takes no longer, as was learned; see expected.ts for where nothing was. */
  p90Ms: z.int().min(0).optional(),
  retries: z.strictObject({ max: z.int().min(0).max(100), backoffMs: z.int().min(0) }),
  onFailure: OnFailure,
  /** Milliseconds since the epoch. Outside of these the agent refuses to start it: it is missed. */
  notBefore: Instant,
  notAfter: Instant,
});
export type Job = z.infer<typeof Job>;

/** All that one host does in one plan: a linear list. */
export const Order = z.strictObject({
  format: z.literal('tidemark/order/v1'),
  fleet: z.string().min(1),
  host: z.strictObject({ id: z.uuid(), name: z.string().min(1) }),
  plan: z.strictObject({ name: z.string().min(1), compiledAt: Instant }),
  jobs: z.array(Job).min(1).max(10_000),
});
export type Order = z.infer<typeof Order>;

/** The bytes that are hashed, signed for and sent. What verifies them never encodes them again. */
export const encodeOrder = (order: Order): Buffer => Buffer.from(canonicalJson(order), 'utf8');

/** Reads an order's bytes; the error names the first thing that does not fit. */
export function decodeOrder(bytes: Uint8Array): Result<Order, string> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    return err(`the order is not UTF-8 JSON: ${(error as Error).message}`);
  }
  const parsed = Order.safeParse(json);
  if (!parsed.success) return err(firstIssue(parsed.error));
  const ids = new Set<string>();
  for (const job of parsed.data.jobs) {
    if (ids.has(job.id)) return err(`two jobs are called ${job.id}`);
    ids.add(job.id);
  }
  return ok(parsed.data);
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue ? `${issue.path.join('.') || 'order'}: ${issue.message}` : 'the order does not fit its schema';
}
