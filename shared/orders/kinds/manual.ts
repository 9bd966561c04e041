import { z } from 'zod';
import type { StepKindSpec } from './spec.ts';

const DAY_MS = 24 * 3_600_000;

export const manualKinds = {
  /**
   * Something that a person does. The agent does nothing but wait: the order goes on only once somebody has signed that it
   * is done, or that it is left out. Nobody's server can be told that by the controller alone.
   */
  'manual/task': {
    class: 'patch',
    idempotent: true,
    expectedMs: 15 * 60_000,
    args: z.strictObject({
      instructions: z.string().min(1).max(8_192),
      /** Who is meant to do it: a name, a team, a role. */
      who: z.string().min(1).max(256),
      /** What the sign-off must name: a ticket, a checksum, a photograph; null where the word is enough. */
      evidence: z.string().min(1).max(1_024).nullable(),
      expectedMs: z
        .int()
        .min(0)
        .max(7 * DAY_MS),
    }),
  },
} as const satisfies Record<string, StepKindSpec>;
