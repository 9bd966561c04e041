import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { StepArgs, StepKind } from '@tidemark/shared/orders/step-kinds.ts';
import type { Found } from '../inventory/look.ts';
import type { CommandPlace } from '../platform/command.ts';
import type { StepInput } from './directory.ts';

/** Where a step runs. */
export interface StepContext {
  /** The server's root directory for this agent. */
  root: string;
  stateDir: string;
  /** The step's own, see directory.ts. */
  directory: string;
  /** Null or left out outside of any order. */
  attempt?: Extract<StepInput, { work: 'call' }>['attempt'];
  /** What the server's policy opens to audits: globs. */
  audits?: readonly string[];
  clock: Clock;
  /** Aborted at the timeout. */
  signal: AbortSignal;
  /** For commands: the same root, signal and output. */
  place: CommandPlace;
  /** Where a path of the server lies. */
  resolve(serverPath: string): string;
  output(data: Buffer): void;
  /** What the inventory finds now; null: all of it, else these facts, and those that cost nothing. */
  collectFacts(only: readonly string[] | null): Promise<Record<string, unknown>>;
  /** Looks at the whole server and leaves what it finds for the executor to offer. */
  lookAround(): Promise<Found>;
}

/** What a step saw. */
export interface StepReport {
  /** One sentence for people. */
  message: string;
  /** Values for programs; null where there are none. */
  facts: Record<string, unknown> | null;
}

/** Does what the arguments say. Ends well by returning; anything thrown is a failure with that message. */
export type Executor<K extends StepKind> = (args: StepArgs<K>, context: StepContext) => Promise<StepReport>;

/** A step that failed for a reason that it understands: the message says what to do. */
export class StepFailed extends Error {
  override name = 'StepFailed';
  readonly facts: Record<string, unknown> | null;

  constructor(message: string, facts: Record<string, unknown> | null = null) {
    super(message);
    this.facts = facts;
  }
}

export const report = (message: string, facts: Record<string, unknown> | null = null): StepReport => ({
  message,
  facts,
});
