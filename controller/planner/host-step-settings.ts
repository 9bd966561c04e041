import { Name, ServerPath, UnitName } from '@tidemark/shared/orders/arguments.ts';
import { LibvirtUri } from '@tidemark/shared/orders/kinds/snapshot.ts';
import { z } from 'zod';
import { Duration } from '../documents/quantities.ts';
import { Argv, HOST_NAME, LockWait, Status, text } from './check-settings.ts';
import { Size } from './quantities.ts';

const SECOND = 1_000;

const Restic = ['repository', 'passwordFile'] as const;

const SnapshotCreate = z
  .strictObject({
    method: z.enum(['copy', 'btrfs', 'lvm', 'restic', 'libvirt']).default('copy'),
    /** Instead of the homes of what changes. */
    paths: z.array(ServerPath).min(1).max(100).optional(),
    /** After the end of the window; then `snapshot/prune` deletes it. Left out: until it is deleted by name. */
    keep: Duration.optional(),
    repository: ServerPath.optional(),
    passwordFile: ServerPath.optional(),
    /** Virtual machines of the host. */
    domains: z.array(Name).min(1).max(100).optional(),
    uri: LibvirtUri.optional(),
  })
  .refine(args => Restic.every(key => (args[key] !== undefined) === (args.method === 'restic')), {
    message: 'the method restic, and no other, takes "repository" and "passwordFile"',
  })
  .refine(args => (args.domains !== undefined) === (args.method === 'libvirt'), {
    message: 'the method libvirt, and no other, takes "domains"',
  })
  .refine(args => (args.method === 'libvirt' ? args.paths === undefined : args.uri === undefined), {
    message: 'the method libvirt takes "uri" and no "paths", the others no "uri"',
  });

const SnapshotRevert = z
  .strictObject({
    /** Left out: the backup that this plan makes. */
    name: Name.optional(),
    /** Instead of the homes of what changes. */
    paths: z.array(ServerPath).min(1).max(100).optional(),
    domains: z.array(Name).min(1).max(100).optional(),
    /** Where a database has written since. */
    whenWritten: z.enum(['ask', 'lose']).default('ask'),
  })
  .refine(({ paths, domains }) => paths === undefined || domains === undefined, 'give "paths" or "domains"');

const lbMember = {
  socket: ServerPath.default('/run/haproxy/admin.sock'),
  backend: text(128),
  /** As the balancer calls this host. */
  server: text(128).default(HOST_NAME),
};

const wait = Duration.default(60 * SECOND);
/** Left out: the cluster that the host is in; a host in none has no such job. */
const cluster = Name.optional();
const ClusterMembership = z.discriminatedUnion('manager', [
  z.strictObject({ manager: z.literal('pacemaker'), cluster, wait }),
  z.strictObject({
    manager: z.literal('keepalived'),
    cluster,
    /** What must not be on the host once it has left. */
    addresses: z
      .array(z.union([z.ipv4(), z.ipv6()]))
      .max(100)
      .default([]),
    wait,
  }),
  z.strictObject({
    manager: z.literal('patroni'),
    cluster,
    unit: UnitName.default('patroni.service'),
    configuration: ServerPath.default('/etc/patroni/config.yml'),
    /** As Patroni calls this host. */
    member: text(128).default(HOST_NAME),
    wait,
  }),
  z.strictObject({ manager: z.literal('command'), cluster, leave: Argv, left: Argv, join: Argv, joined: Argv, wait }),
]);

/** What a policy may say under `with` for steps that need nothing of the bundle but the host itself. */
export const HOST_STEP_WITH = {
  'batch/hold': z.strictObject({
    cron: z.boolean().default(true),
    at: z.boolean().default(true),
    timers: z.union([z.literal('all'), z.array(UnitName).max(500)]).default('all'),
    except: z.array(UnitName).max(500).default([]),
    /** For what runs already. */
    wait: Duration.default(10 * 60 * SECOND),
  }),
  'batch/release': z.strictObject({}),
  'snapshot/create': SnapshotCreate,
  'snapshot/revert': SnapshotRevert,
  'snapshot/delete': z.strictObject({
    /** Left out: the backup that this plan makes. */
    name: Name.optional(),
  }),
  'snapshot/prune': z.strictObject({}),
  'lb/drain': z.strictObject({ ...lbMember, wait, whenBusy: z.enum(['fail', 'go-on']).default('fail') }),
  'lb/enable': z.strictObject({ ...lbMember, wait }),
  'cluster/leave': ClusterMembership,
  'cluster/join': ClusterMembership,
  'file/clean': z
    .strictObject({
      /** What the server's package manager has downloaded. */
      packageCache: z.boolean().default(true),
      /** So much of the journal is kept; left out: all of it. */
      journalKeep: Size.optional(),
      /** So many of the newest kernels stay, and the one that runs; left out: all. */
      kernelsKeep: z.int().min(2).max(100).optional(),
      lockWait: LockWait,
    })
    .refine(
      ({ packageCache, journalKeep, kernelsKeep }) =>
        packageCache || journalKeep !== undefined || kernelsKeep !== undefined,
      'cleans nothing',
    ),
  /** Without placeholders: text for a shell is not put together from names. */
  'command/shell': z.strictObject({ script: z.string().min(1).max(65_536), expectStatus: Status }),
  'manual/task': z.strictObject({
    instructions: text(8_192),
    who: z.string().min(1).max(256),
    /** What the sign-off must name. */
    evidence: z.string().min(1).max(1_024).nullable().default(null),
    /** What it takes, for the window. */
    expected: Duration.default(15 * 60 * SECOND),
  }),
} as const;

export type HostStepKind = keyof typeof HOST_STEP_WITH;
export type HostStepWith<K extends HostStepKind> = z.output<(typeof HOST_STEP_WITH)[K]>;
