import { z } from 'zod';
import type { StepKindSpec } from './spec.ts';

export const inventoryKinds = {
  /** Collects what the host is like and sends it: what is planned or asked next sees the host as it is by now. */
  'inventory/run': { class: 'observe', idempotent: true, expectedMs: 3_000, args: z.strictObject({}) },
} as const satisfies Record<string, StepKindSpec>;
