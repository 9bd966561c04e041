import { z } from 'zod';
import { DigestText, Name, ServerPath } from '../arguments.ts';
import type { StepKindSpec } from './spec.ts';

/** An archive that unpacks into `home/releases/<version>`, with `home/current` pointing at the version in use. */
const ReleaseArgs = z.strictObject({
  product: Name,
  version: Name,
  home: ServerPath,
});

export const archiveKinds = {
  'artifact/stage': {
    class: 'patch',
    idempotent: true,
    prepares: true,
    expectedMs: 1_000,
    args: z.strictObject({ name: z.string().min(1).max(255), digest: DigestText, bytes: z.int().min(0) }),
  },
  'archive/install': {
    class: 'patch',
    idempotent: true,
    expectedMs: 2_000,
    args: ReleaseArgs.extend({ digest: DigestText }),
  },
  /** Points `current` at a version that is already there: the undo of an installation. */
  'archive/activate': { class: 'patch', idempotent: true, expectedMs: 200, args: ReleaseArgs },
} as const satisfies Record<string, StepKindSpec>;
