import { z } from 'zod';
import { Name, ServerPath } from '../arguments.ts';
import type { StepKindSpec } from './spec.ts';

const what = {
  name: Name,
  paths: z.array(ServerPath).min(1),
  /** Milliseconds since the epoch: from then on `snapshot/prune` deletes it. Left out: it is kept until it is deleted by name. */
  expiresAt: z.int().min(0).optional(),
};

const CreateArgs = z.discriminatedUnion('method', [
  /** Files beside the agent's own. */
  z.strictObject({ method: z.literal('copy'), ...what }),
  /** Every path is a subvolume. */
  z.strictObject({ method: z.literal('btrfs'), ...what }),
  /** Into a repository that is there, on a file system of this host. */
  z.strictObject({ method: z.literal('restic'), ...what, repository: ServerPath, passwordFile: ServerPath }),
]);
export type SnapshotCreateArgs = z.infer<typeof CreateArgs>;

export const snapshotKinds = {
  'snapshot/create': { class: 'patch', idempotent: true, expectedMs: 1_000, args: CreateArgs },
  /** Puts the paths back as they were. What was written there since is lost. */
  'snapshot/revert': {
    class: 'patch',
    idempotent: true,
    expectedMs: 2_000,
    args: z.strictObject({ name: Name, paths: z.array(ServerPath).min(1) }),
  },
  'snapshot/delete': {
    class: 'patch',
    idempotent: true,
    expectedMs: 200,
    args: z.strictObject({ name: Name }),
  },
  /** Deletes those whose time is over. */
  'snapshot/prune': { class: 'patch', idempotent: true, expectedMs: 200, args: z.strictObject({}) },
} as const satisfies Record<string, StepKindSpec>;
