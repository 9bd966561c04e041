import type { Call } from '@tidemark/shared/orders/step-kinds.ts';
import type { PlannerComponent } from './input.ts';

/** A job before it has its times: what is done, to what, and why. */
export interface JobDraft {
  /** Empty, or what tells it from the step's other jobs on the host. */
  suffix: string;
  name: string;
  component: string | null;
  reason: string;
  call: Call;
  undo: Call | null;
  /** Of the policy's cluster entry; null where the step's own counts. */
  timeoutMs: number | null;
  /** It ends by a person's word alone: trying again or going on without is not for the policy to say. */
  waitsForPerson: boolean;
}

type Draft = Pick<JobDraft, 'name' | 'reason' | 'call'> & Partial<JobDraft>;
export const draft = (fields: Draft): JobDraft => ({
  suffix: '',
  component: null,
  undo: null,
  timeoutMs: null,
  waitsForPerson: false,
  ...fields,
});

/** `database orders-db on db01`. */
export const describe = ({ kind, name, host }: PlannerComponent) => `${kind} ${name} on ${host}`;
