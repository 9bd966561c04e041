import type { z } from 'zod';

/** How much trust a kind needs: `observe` changes nothing, `patch` changes in a known way, `command` runs what it is told. */
export type StepClass = 'observe' | 'patch' | 'command';

export interface StepKindSpec {
  class: StepClass;
  /** Whether it may start again when nobody knows how far it came. */
  idempotent: boolean;
  /** What it takes where no history says better. */
  expectedMs: number;
  args: z.ZodType;
}
