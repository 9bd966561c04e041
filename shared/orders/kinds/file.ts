import { z } from 'zod';
import type { StepKindSpec } from './spec.ts';

export const fileKinds = {
  /** Frees space in named places whose content can be had again. Takes no paths: nothing else can be deleted by it. */
  'file/clean': {
    class: 'patch',
    idempotent: true,
    expectedMs: 5_000,
    args: z
      .strictObject({
        /** Packages that the server's package manager has downloaded. */
        packageCache: z.boolean(),
        /** So much of systemd's journal is kept, the newest; null: all of it. */
        journalKeepBytes: z
          .int()
          .min(1024 * 1024)
          .nullable(),
        /**
         * So many of the newest kernels stay, and in any case the one that runs; null: all. Two at least, since the one
         * before is what a server boots when the newest does not come up.
         */
        kernelsKeep: z.int().min(2).max(100).nullable(),
        /** How long another package manager may go on. */
        lockWaitMs: z.int().min(0),
      })
      .refine(
        ({ packageCache, journalKeepBytes, kernelsKeep }) =>
          packageCache || journalKeepBytes !== null || kernelsKeep !== null,
        'must clean something',
      ),
  },
} as const satisfies Record<string, StepKindSpec>;
