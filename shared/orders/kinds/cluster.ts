import { z } from 'zod';
import { Argv, Name } from '../arguments.ts';
import type { StepKindSpec } from './spec.ts';

export const clusterKinds = {
  'cluster/handover': {
    class: 'command',
    idempotent: false,
    expectedMs: 3_000,
    args: z.strictObject({
      cluster: Name,
      /** Gives the active role to the peer; runs on the member that has it. */
      command: Argv,
      /** Exit status 0 once this member is not active any more. */
      confirm: Argv,
      waitMs: z.int().min(0),
    }),
  },
} as const satisfies Record<string, StepKindSpec>;
