import { z } from 'zod';
import type { StepKindSpec } from './spec.ts';

const DAY_MS = 24 * 3_600_000;

export const systemKinds = {
  /** Boots the server until it needs no reboot any more. Started again, it goes on where it was. */
  'system/reboot': {
    class: 'patch',
    idempotent: false,
    resumes: true,
    expectedMs: 90_000,
    args: z.strictObject({
      /** `needed`: not at all where the server needs none; `always`: at least once. */
      when: z.enum(['needed', 'always']),
      /** In the whole order, over all of its reboot steps. */
      maxReboots: z.int().min(1).max(10),
      /** How long the server may take to go down once it was asked to. */
      downMs: z.int().min(1_000).max(DAY_MS),
    }),
  },
  'system/wait': {
    class: 'observe',
    idempotent: true,
    resumes: true,
    expectedMs: 10_000,
    args: z.strictObject({
      /** `elapsed`: exactly so long; `booted`: until everything that starts at boot has, at most so long. */
      until: z.enum(['elapsed', 'booted']),
      ms: z.int().min(0).max(DAY_MS),
    }),
  },
} as const satisfies Record<string, StepKindSpec>;
