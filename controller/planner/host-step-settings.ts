import { NetworkHost, NetworkPort, ServerPath, UnitName } from '@tidemark/shared/orders/arguments.ts';
import { z } from 'zod';
import { Duration } from './quantities.ts';

const SECOND = 1_000;

/** A program and its arguments, as a policy writes it: one list, no shell. */
export const Argv = z
  .array(z.string().max(32_768))
  .min(1)
  .refine(([program]) => program?.startsWith('/') === true && !program.split('/').includes('..'), {
    message: 'must begin with the absolute path of a program',
  });

const within = Duration.default(30 * SECOND);
const Status = z.array(z.int().min(0).max(255)).min(1).default([0]);

const Restic = ['repository', 'passwordFile'] as const;

const SnapshotCreate = z
  .strictObject({
    method: z.enum(['copy', 'btrfs', 'restic']).default('copy'),
    /** Instead of the homes of what changes. */
    paths: z.array(ServerPath).min(1).max(100).optional(),
    /** After the end of the window; then `snapshot/prune` deletes it. Left out: until it is deleted by name. */
    keep: Duration.optional(),
    repository: ServerPath.optional(),
    passwordFile: ServerPath.optional(),
  })
  .refine(args => Restic.every(key => (args[key] !== undefined) === (args.method === 'restic')), {
    message: 'the method restic, and no other, takes "repository" and "passwordFile"',
  });

/** What a policy may say under `with` for steps that need nothing of the bundle but the host itself. */
export const HOST_STEP_WITH = {
  'check/clock': z.strictObject({ maxOffset: Duration.default(SECOND) }),
  'check/units': z
    .strictObject({
      noneFailed: z.boolean().default(true),
      ignore: z.array(UnitName).max(100).default([]),
      active: z.array(UnitName).max(100).default([]),
      within,
    })
    .refine(({ noneFailed, active }) => noneFailed || active.length > 0, 'looks at nothing: name units under "active"'),
  'check/tcp': z.strictObject({ host: NetworkHost.default('127.0.0.1'), port: NetworkPort, within }),
  'check/sql': z.strictObject({
    /** Of the server's unix socket. */
    socket: ServerPath.default('/var/run/postgresql'),
    port: NetworkPort.default(5432),
    database: z.string().min(1).max(63).default('postgres'),
    user: z.string().min(1).max(63).default('postgres'),
    systemUser: z
      .string()
      .regex(/^[a-z_][a-z0-9_-]{0,31}$/)
      .nullable()
      .default('postgres'),
    query: z.string().min(1).max(8_192),
    expect: z.string().max(8_192).nullable().default(null),
    /** For the statement. */
    limit: Duration.default(10 * SECOND),
  }),
  'check/command': z.strictObject({
    command: Argv,
    expectStatus: Status,
    expectText: z.string().min(1).max(8_192).nullable().default(null),
    within: Duration.default(0),
  }),
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
  'snapshot/prune': z.strictObject({}),
} as const;

export type HostStepKind = keyof typeof HOST_STEP_WITH;
export type HostStepWith<K extends HostStepKind> = z.output<(typeof HOST_STEP_WITH)[K]>;
