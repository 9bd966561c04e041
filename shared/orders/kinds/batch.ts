import { z } from 'zod';
import { Name, UnitName } from '../arguments.ts';
import type { StepKindSpec } from './spec.ts';

const HoldArgs = z.strictObject({
  /** What the release is asked for by. */
  hold: Name,
  /** The service that runs crontabs, and anacron. */
  cron: z.boolean(),
  /** The service that runs the queues of at and batch. */
  at: z.boolean(),
  /** Timers of systemd: those that are named, or all. */
  timers: z.union([z.literal('all'), z.array(UnitName).max(500)]),
  /** Timers that go on although all are held. */
  except: z.array(UnitName).max(500),
  /** For what runs already; where it has not ended by then nothing is held, and the step fails. */
  waitMs: z.int().min(0),
});

export const batchKinds = {
  'batch/hold': { class: 'patch', idempotent: true, prepares: true, expectedMs: 2_000, args: HoldArgs },
  'batch/release': { class: 'patch', idempotent: true, expectedMs: 2_000, args: z.strictObject({ hold: Name }) },
} as const satisfies Record<string, StepKindSpec>;
