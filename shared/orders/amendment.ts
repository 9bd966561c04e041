import { z } from 'zod';
import { DigestText } from './arguments.ts';
import type { Order } from './order.ts';
import { classOf, kindsOf, type StepClass } from './step-kinds.ts';

/*
 * What a person decides beyond an order. An amendment is signed like a plan, bound to the digest of one order, and
 * recorded by the agent like the order itself: the controller can carry one and cannot make it.
 */

/**
 * `retry`: the job once more, and all after it. `skip`: it is not run. `done`: somebody did by hand what it does.
 * `undo`: the host is taken back.
 */
export const AmendmentAction = z.enum(['retry', 'skip', 'done', 'undo']);
export type AmendmentAction = z.infer<typeof AmendmentAction>;

export const Amendment = z.strictObject({
  format: z.literal('tidemark/amendment/v1'),
  fleet: z.string().min(1),
  host: z.uuid(),
  order: DigestText,
  action: AmendmentAction,
  /** Id of the job; null for `undo`, which is about the whole host. */
  job: z.string().min(1).max(256).nullable(),
  reason: z.string().min(1).max(1024),
  issuedAt: z.int().min(0),
  /** After this no agent takes it any more. */
  expiresAt: z.int().min(0),
});
export type Amendment = z.infer<typeof Amendment>;

/** What is done with a job without running it. */
export type Settled = 'skip' | 'done';

/**
 * Classes of steps that somebody must be trusted with who signs this amendment: those that it makes run, or lets pass
 * without running.
 */
export function classesOf(order: Order, action: AmendmentAction, position: number | null): Set<StepClass> {
  const classes = new Set<StepClass>();
  for (const [at, job] of order.jobs.entries()) {
    if (action === 'undo') {
      for (const kind of job.undo ? kindsOf(job.undo) : []) classes.add(classOf(kind));
    } else if (position !== null && (action === 'retry' ? at >= position : at === position)) {
      for (const kind of kindsOf(job.call)) classes.add(classOf(kind));
    }
  }
  return classes;
}
