import { z } from 'zod';
import { ScanProfile } from '../../fingerprint/profile.ts';
import type { StepKindSpec } from './spec.ts';

export const scanKinds = {
  'scan/run': {
    class: 'observe',
    idempotent: true,
    expectedMs: 1_000,
    args: z.strictObject({ profile: ScanProfile }),
  },
} as const satisfies Record<string, StepKindSpec>;
