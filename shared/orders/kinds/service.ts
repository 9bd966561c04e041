import { z } from 'zod';
import { Argv, Name } from '../arguments.ts';
import type { StepKindSpec } from './spec.ts';

/** A component that is started, stopped and probed by commands, as traditional middleware is. */
export const ScriptService = z.strictObject({
  provider: z.literal('script'),
  start: Argv,
  stop: Argv,
  /** Exit status as LSB says: 0 it runs, 3 it does not. */
  status: Argv,
});
export type ScriptService = z.infer<typeof ScriptService>;

export const Service = z.discriminatedUnion('provider', [ScriptService]);
export type Service = z.infer<typeof Service>;

const ServiceArgs = z.strictObject({
  component: Name,
  service: Service,
  /** How long the state may take to show after the command has ended. */
  waitMs: z.int().min(0),
});

export const serviceKinds = {
  'service/stop': { class: 'patch', idempotent: true, expectedMs: 2_000, args: ServiceArgs },
  'service/start': { class: 'patch', idempotent: true, expectedMs: 2_000, args: ServiceArgs },
} as const satisfies Record<string, StepKindSpec>;
