import { z } from 'zod';
import type { StepKindSpec } from './spec.ts';

export const fileKinds = {
  /** Frees space in named places whose content can be had again. Takes no paths: nothing else can be deleted by it. */
  'file/clean': {
    class: 'patch',
    idempotent: true,
    expectedMs: 2_000,
    args: z
      .strictObject({
        /** Packages that apt has downloaded. */
        aptCache: z.boolean(),
        /** So much of systemd's journal is kept, the newest; null: all of it. */
        journalKeepBytes: z
          .int()
          .min(1024 * 1024)
          .nullable(),
      })
      .refine(({ aptCache, journalKeepBytes }) => aptCache || journalKeepBytes !== null, 'must clean something'),
  },
} as const satisfies Record<string, StepKindSpec>;
