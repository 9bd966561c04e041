import { z } from 'zod';
import { Argv } from '../arguments.ts';
import type { StepKindSpec } from './spec.ts';

const expectStatus = z.array(z.int().min(0).max(255)).min(1);

export const commandKinds = {
  'command/run': {
    class: 'command',
    idempotent: false,
    expectedMs: 5_000,
    args: z.strictObject({ command: Argv, expectStatus }),
  },
  /** Text for the server's /bin/sh. A server runs none unless its own policy names this very kind. */
  'command/shell': {
    class: 'command',
    idempotent: false,
    expectedMs: 5_000,
    args: z.strictObject({
      script: z
        .string()
        .min(1)
        .max(65_536)
        .refine(text => !text.includes('\0'), 'must be text'),
      expectStatus,
    }),
  },
} as const satisfies Record<string, StepKindSpec>;
