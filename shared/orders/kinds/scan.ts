import { z } from 'zod';
import { ScanProfile } from '../../fingerprint/profile.ts';
import type { StepKindSpec } from './spec.ts';

const ScanBudget = z.strictObject({
  /** Share of one processor that each of two threads may use. */
  cpuShare: z.number().min(0.01).max(1).optional(),
  /** That are read from files in a second. */
  bytesPerSecond: z
    .int()
    .min(64 * 1024)
    .optional(),
});

export const scanKinds = {
  'scan/run': {
    class: 'observe',
    idempotent: true,
    expectedMs: 1_000,
    args: z.strictObject({
      profile: ScanProfile,
      budget: ScanBudget.optional(),
    }),
  },
} as const satisfies Record<string, StepKindSpec>;
