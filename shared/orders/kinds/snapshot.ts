import { z } from 'zod';
import { Name, ServerPath } from '../arguments.ts';
import type { StepKindSpec } from './spec.ts';

export const snapshotKinds = {
  'snapshot/create': {
    class: 'patch',
    idempotent: true,
    expectedMs: 1_000,
    args: z.strictObject({ method: z.literal('copy'), name: Name, paths: z.array(ServerPath).min(1) }),
  },
  'snapshot/delete': {
    class: 'patch',
    idempotent: true,
    expectedMs: 200,
    args: z.strictObject({ name: Name }),
  },
} as const satisfies Record<string, StepKindSpec>;
