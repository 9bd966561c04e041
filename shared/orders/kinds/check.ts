import { z } from 'zod';
import { ServerPath } from '../arguments.ts';
import type { StepKindSpec } from './spec.ts';

export const checkKinds = {
  'check/disk': {
    class: 'observe',
    idempotent: true,
    expectedMs: 200,
    args: z.strictObject({
      /** Bytes that must be free on the file system of each path. */
      needs: z.array(z.strictObject({ path: ServerPath, bytes: z.int().min(0) })).min(1),
    }),
  },
  'check/http': {
    class: 'observe',
    idempotent: true,
    expectedMs: 500,
    args: z.strictObject({
      url: z.url({ protocol: /^https?$/ }),
      expectStatus: z.int().min(100).max(599),
      /** Text that the answer must hold; null where the status is enough. */
      expectText: z.string().nullable(),
      /** Tries again until it is as expected or this time is over. */
      withinMs: z.int().min(0),
    }),
  },
} as const satisfies Record<string, StepKindSpec>;
