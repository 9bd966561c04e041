import { z } from 'zod';
import { Name, ServerPath } from '../arguments.ts';
import type { StepKindSpec } from './spec.ts';

/** Milliseconds since the epoch: from then on `snapshot/prune` deletes it. Left out: it is kept until it is deleted by name. */
const expiresAt = z.int().min(0).optional();

const what = { name: Name, paths: z.array(ServerPath).min(1), expiresAt };

/** Virtual machines of this host, by the names that libvirt has for them. */
const domains = z.array(Name).min(1).max(100);

/** A libvirt of this host: nothing that leads to another one. */
export const LibvirtUri = z.enum(['qemu:///system', 'qemu:///session', 'test:///default']);

const CreateArgs = z.discriminatedUnion('method', [
  /** Files beside the agent's own. */
  z.strictObject({ method: z.literal('copy'), ...what }),
  /** Every path is a subvolume. */
  z.strictObject({ method: z.literal('btrfs'), ...what }),
  /** Every path lies on a thin volume of LVM, or is one's mount point. */
  z.strictObject({ method: z.literal('lvm'), ...what }),
  /** Into a repository that is there, on a file system of this host. */
  z.strictObject({ method: z.literal('restic'), ...what, repository: ServerPath, passwordFile: ServerPath }),
  /** Disks, and memory where it runs, of virtual machines: for the host that runs them. */
  z.strictObject({ method: z.literal('libvirt'), name: Name, domains, uri: LibvirtUri, expiresAt }),
]);
export type SnapshotCreateArgs = z.infer<typeof CreateArgs>;

/** Where a database has written since the snapshot: fail, so that a person says what is lost, or lose it. */
const WhenWritten = z.enum(['ask', 'lose']);

export const snapshotKinds = {
  'snapshot/create': { class: 'patch', idempotent: true, prepares: true, expectedMs: 1_000, args: CreateArgs },
  /** Puts the paths, or the virtual machines, back as they were. What was written there since is lost. */
  'snapshot/revert': {
    class: 'patch',
    idempotent: true,
    expectedMs: 2_000,
    args: z.union([
      z.strictObject({ name: Name, paths: z.array(ServerPath).min(1), whenWritten: WhenWritten }),
      z.strictObject({ name: Name, domains }),
    ]),
  },
  'snapshot/delete': {
    class: 'patch',
    idempotent: true,
    expectedMs: 200,
    args: z.strictObject({ name: Name }),
  },
  /** Deletes those whose time is over. */
  'snapshot/prune': { class: 'patch', idempotent: true, prepares: true, expectedMs: 200, args: z.strictObject({}) },
} as const satisfies Record<string, StepKindSpec>;
