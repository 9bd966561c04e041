import { z } from 'zod';
import { Argv } from '../arguments.ts';
import type { StepKindSpec } from './spec.ts';

export const commandKinds = {
  'command/run': {
    class: 'command',
    idempotent: false,
    expectedMs: 5_000,
    args: z.strictObject({ command: Argv, expectStatus: z.array(z.int().min(0).max(255)).min(1) }),
  },
} as const satisfies Record<string, StepKindSpec>;
