import { z } from 'zod';
import { Argv, NetworkHost, NetworkPort, ServerPath, UnitName } from '../arguments.ts';
import type { StepKindSpec } from './spec.ts';

/** Tries again until it is as expected or this time is over; 0 looks once. */
const withinMs = z.int().min(0);

const DiskArgs = z.strictObject({
  /** Bytes that must be free on the file system of each path. */
  needs: z.array(z.strictObject({ path: ServerPath, bytes: z.int().min(0) })).min(1),
});

const ClockArgs = z.strictObject({
  /** How far the clock may be from true time, as the host's own time service knows it. */
  maxOffsetMs: z.int().min(1),
});

const UnitsArgs = z
  .strictObject({
    /** No unit of the host may have failed, but those in `ignore`. */
    noneFailed: z.boolean(),
    ignore: z.array(UnitName).max(100),
    /** These must run. */
    active: z.array(UnitName).max(100),
    withinMs,
  })
  .refine(({ noneFailed, active }) => noneFailed || active.length > 0, 'must look at something: noneFailed or active');

const TcpArgs = z.strictObject({ host: NetworkHost, port: NetworkPort, withinMs });

const HttpArgs = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  expectStatus: z.int().min(100).max(599),
  /** Text that the answer must hold; null where the status is enough. */
  expectText: z.string().nullable(),
  withinMs,
});

const SqlArgs = z.strictObject({
  engine: z.literal('postgresql'),
  /** The directory of the server's unix socket, or its port on the loopback address. Nothing further away is asked. */
  at: z.discriminatedUnion('by', [
    z.strictObject({ by: z.literal('socket'), directory: ServerPath, port: NetworkPort }),
    z.strictObject({ by: z.literal('loopback'), port: NetworkPort }),
  ]),
  database: z.string().min(1).max(63),
  user: z.string().min(1).max(63),
  /** Connects to the socket as this user of the host, for peer authentication; null: as the agent's own. */
  systemUser: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/)
    .nullable(),
  /** One statement. */
  query: z.string().min(1).max(8_192),
  /** The first column of the first row, as text; null: any row will do. */
  expectValue: z.string().max(8_192).nullable(),
  statementMs: z.int().min(1).max(600_000),
});

const CommandArgs = z.strictObject({
  command: Argv,
  expectStatus: z.array(z.int().min(0).max(255)).min(1),
  /** Text that its standard output must hold; null where the status is enough. */
  expectText: z.string().min(1).max(8_192).nullable(),
  withinMs,
});

const PendingArgs = z.strictObject({
  /** Whether packages that their owner has held are in the way. */
  held: z.enum(['ignore', 'refuse']),
  /** How long another package manager may go on. */
  withinMs,
});

const LoadedArgs = z.strictObject({
  /** Globs over files that do not matter. */
  ignore: z.array(ServerPath).max(256),
});

const FactsArgs = z.strictObject({
  /**
   * CEL over `facts`, as the host is when the step runs. The plan was not made unless it could be read and gives true or
   * false: an agent reads it only where it evaluates it.
   */
  condition: z
    .string()
    .min(1)
    .max(8_192)
    .refine(text => !text.includes('\0'), 'must be text'),
  withinMs,
});

const one = <K extends string, A extends z.ZodType>(kind: K, args: A) =>
  z.strictObject({ kind: z.literal(kind), args });

/** What `check/all` may hold. It needs the trust of each of them: see `kindsOf`. */
const NestedCheck = z.discriminatedUnion('kind', [
  one('check/disk', DiskArgs),
  one('check/clock', ClockArgs),
  one('check/units', UnitsArgs),
  one('check/pending', PendingArgs),
  one('check/loaded', LoadedArgs),
  one('check/facts', FactsArgs),
  one('check/tcp', TcpArgs),
  one('check/http', HttpArgs),
  one('check/sql', SqlArgs),
  one('check/command', CommandArgs),
]);
export type NestedCheck = z.infer<typeof NestedCheck>;

export const checkKinds = {
  'check/disk': { class: 'observe', idempotent: true, expectedMs: 200, args: DiskArgs },
  'check/clock': { class: 'observe', idempotent: true, expectedMs: 200, args: ClockArgs },
  'check/units': { class: 'observe', idempotent: true, expectedMs: 500, args: UnitsArgs },
  /** Packages that are half done, or held, and who works with them. */
  'check/pending': { class: 'observe', idempotent: true, expectedMs: 2_000, args: PendingArgs },
  /** No process runs code of a file that has been replaced. */
  'check/loaded': { class: 'observe', idempotent: true, expectedMs: 1_000, args: LoadedArgs },
  'check/facts': { class: 'observe', idempotent: true, expectedMs: 2_000, args: FactsArgs },
  'check/tcp': { class: 'observe', idempotent: true, expectedMs: 200, args: TcpArgs },
  'check/http': { class: 'observe', idempotent: true, expectedMs: 500, args: HttpArgs },
  /** Runs what it is told: a query can call any function that its user may. */
  'check/sql': { class: 'command', idempotent: true, prepares: true, expectedMs: 500, args: SqlArgs },
  'check/command': { class: 'command', idempotent: true, prepares: true, expectedMs: 1_000, args: CommandArgs },
  /** All are run, whatever the first ones say. */
  'check/all': {
    class: 'observe',
    idempotent: true,
    expectedMs: 1_000,
    args: z.strictObject({ checks: z.array(NestedCheck).min(1).max(50) }),
  },
} as const satisfies Record<string, StepKindSpec>;
