import { NetworkHost, NetworkPort, ServerPath, UnitName } from '@tidemark/shared/orders/arguments.ts';
import { z } from 'zod';
import { Duration } from '../documents/quantities.ts';
import { fillIn, unknownPlaceholders } from './placeholders.ts';
import { Size } from './quantities.ts';

/* What a policy may say under `with` for checks, also for those that `check/all` holds. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** A program and its arguments, as a policy writes it: one list, no shell. */
export const Argv = z
  .array(z.string().max(32_768))
  .min(1)
  .refine(([program]) => program?.startsWith('/') === true && !program.split('/').includes('..'), {
    message: 'must begin with the absolute path of a program',
  });

const within = Duration.default(30 * SECOND);
export const Status = z.array(z.int().min(0).max(255)).min(1).default([0]);

const KNOWN_PLACEHOLDERS = ['host.name', 'cluster.name'] as const;
const Filled = z.string().superRefine((text, issues) => {
  for (const name of unknownPlaceholders([text], KNOWN_PLACEHOLDERS))
    issues.addIssue({
      code: 'custom',
      message: `the placeholder "${name}" is unknown here; known are ${KNOWN_PLACEHOLDERS.join(', ')}`,
    });
});
// biome-ignore lint/suspicious/noTemplateCurlyInString: the policy language's own placeholder.
export const HOST_NAME = '${host.name}';
/** Text in which `${host.name}` and `${cluster.name}` are filled in. */
export const text = (most: number) => Filled.min(1).max(most);

/** Of a page, filled in as {@link text}. */
const Url = Filled.min(1)
  .max(2_048)
  .refine(
    url => z.url({ protocol: /^https?$/ }).safeParse(fillIn(url, { 'host.name': 'h', 'cluster.name': 'c' })).success,
    'must be a URL of http or https',
  );

/** How long another package manager may go on: unattended upgrades and configuration management take minutes. */
export const LockWait = Duration.default(5 * MINUTE);

/** Where there is no health of components to look at. */
const page = { status: z.int().min(100).max(599).default(200), text: z.string().nullable().default(null), within };

const Units = z
  .strictObject({
    noneFailed: z.boolean().default(true),
    ignore: z.array(UnitName).max(100).default([]),
    active: z.array(UnitName).max(100).default([]),
    within,
  })
  .refine(({ noneFailed, active }) => noneFailed || active.length > 0, 'looks at nothing: name units under "active"');
const Clock = z.strictObject({ maxOffset: Duration.default(SECOND) });
const Tcp = z.strictObject({ host: NetworkHost.default('127.0.0.1'), port: NetworkPort, within });
/** Bytes by path. */
const Free = z.record(ServerPath, Size).refine(free => Object.keys(free).length > 0, 'names no path');

const Pending = z.strictObject({
  /** `refuse`: a package that is held on a server is in the way. */
  held: z.enum(['ignore', 'refuse']).default('ignore'),
  /** How long another package manager may go on. */
  within: LockWait,
});
const Loaded = z.strictObject({
  /** Globs over files that may be replaced under a process. */
  ignore: z.array(z.string().startsWith('/', 'must be an absolute path')).max(256).default([]),
});
/** Over `facts`, as they are when the step runs. */
const Facts = z.strictObject({ condition: z.string().max(8_192), within: Duration.default(0) });
const database = {
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
  /** The first column of the first row; null: any row. */
  expect: z.string().max(8_192).nullable().default(null),
  /** For the statement. */
  limit: Duration.default(10 * SECOND),
};
const Query = z.string().min(1).max(8_192);
const Sql = z.strictObject({ query: Query, ...database });
const Command = z.strictObject({
  command: Argv,
  expectStatus: Status,
  expectText: z.string().min(1).max(8_192).nullable().default(null),
  within: Duration.default(0),
});
/** Left out: what the landscape says of the components that were touched. */
const Http = z
  .strictObject({ url: Url.optional(), ...page })
  .refine(({ url, status, text }) => url !== undefined || (status === 200 && text === null), {
    message: '"status" and "text" belong to a "url"; those of components stand in the landscape',
  });

/** For which hosts one check of several is; CEL over `host` and `facts`, when the plan is made. */
const when = z.string().optional();
const one = <K extends string, W extends z.ZodType>(uses: K, args: W) =>
  z.strictObject({ uses: z.literal(uses), with: args, when });

/** One check of `check/all`: a kind with its settings, or in short. */
const NestedCheck = z.union([
  z.discriminatedUnion('uses', [
    one('check/clock', Clock.prefault({})),
    one('check/units', Units.prefault({})),
    one('check/pending', Pending.prefault({})),
    one('check/loaded', Loaded.prefault({})),
    one('check/facts', Facts),
    one('check/tcp', Tcp),
    one('check/disk', z.strictObject({ free: Free })),
    one('check/http', z.strictObject({ url: Url, ...page })),
    one('check/sql', Sql),
    one('check/command', Command),
  ]),
  z.strictObject({ cel: Facts.shape.condition, within: Facts.shape.within, when }),
  z.strictObject({ http: Url, expect: page.status, text: page.text, within, when }),
  z.strictObject({ sql: Query, ...database, when }),
]);
export type NestedCheck = z.output<typeof NestedCheck>;

export const CHECK_WITH = {
  'check/clock': Clock,
  'check/units': Units,
  'check/pending': Pending,
  'check/loaded': Loaded,
  'check/facts': Facts,
  'check/tcp': Tcp,
  'check/http': Http,
  'check/sql': Sql,
  'check/command': Command,
  /** All are looked at, whatever the first ones say. */
  'check/all': z.strictObject({ checks: z.array(NestedCheck).min(1).max(50) }),
} as const;
