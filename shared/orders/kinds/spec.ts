import type { z } from 'zod';

/** How much trust a kind needs: `observe` changes nothing, `patch` changes in a known way, `command` runs what it is told. */
export type StepClass = 'observe' | 'patch' | 'command';

export interface StepKindSpec {
  class: StepClass;
  /** Whether it may start again when nobody knows how far it came. */
  idempotent: boolean;
  /**
   * It finds out by itself how far it came, from what it wrote into the state directory: where its process is gone, also
   * because the server booted, it is started anew and goes on.
   */
  resumes?: true;
  /** It changes something, and leaves in service what is: what only observes does so anyway. */
  prepares?: true;
  /** What it takes where no history says better. */
  expectedMs: number;
  args: z.ZodType;
}
