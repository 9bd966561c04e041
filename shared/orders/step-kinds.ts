import { z } from 'zod';
import type { Digest } from '../base/digest.ts';
import { isDigest } from '../base/digest.ts';
import { ScanProfile } from '../fingerprint/profile.ts';

/**
 * The vocabulary of what an agent can be asked to do. Closed: a kind or argument that is not here is refused when the
 * order arrives. Adding a kind means an entry here and, because the compiler demands it, an executor in agent/steps.
 *
 * All paths are absolute on the server; an agent with another root directory resolves them below it.
 */

/** How much trust a kind needs: `observe` changes nothing, `patch` changes in a known way, `command` runs what it is told. */
export type StepClass = 'observe' | 'patch' | 'command';

const ServerPath = z
  .string()
  .max(4096)
  .refine(path => path.startsWith('/') && !path.includes('\0') && !path.split('/').includes('..'), {
    message: 'must be an absolute path without ".."',
  });

/** A program and its arguments. Never a shell's text. */
const Argv = z.tuple([ServerPath]).rest(z.string().max(32_768));

export const DigestText = z.custom<Digest>(value => typeof value === 'string' && isDigest(value), {
  message: 'must be sha256: and 64 hex digits',
});

const Name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'must be letters, digits, ".", "_" or "-"');

/** A component that is started, stopped and probed by commands, as traditional middleware is. */
export const ScriptService = z.strictObject({
  provider: z.literal('script'),
  start: Argv,
  stop: Argv,
  /** Exit status as LSB says: 0 it runs, 3 it does not. */
  status: Argv,
});
export type ScriptService = z.infer<typeof ScriptService>;

export const Service = z.discriminatedUnion('provider', [ScriptService]);
export type Service = z.infer<typeof Service>;

const ServiceArgs = z.strictObject({
  component: Name,
  service: Service,
  /** How long the state may take to show after the command has ended. */
  waitMs: z.int().min(0),
});

/** An archive that unpacks into `home/releases/<version>`, with `home/current` pointing at the version in use. */
const ReleaseArgs = z.strictObject({
  product: Name,
  version: Name,
  home: ServerPath,
});

const STEP_KINDS = {
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
  'artifact/stage': {
    class: 'patch',
    idempotent: true,
    expectedMs: 1_000,
    args: z.strictObject({ name: z.string().min(1).max(255), digest: DigestText, bytes: z.int().min(0) }),
  },
  'snapshot/create': {
    class: 'patch',
    idempotent: true,
    expectedMs: 1_000,
    args: z.strictObject({ method: z.literal('copy'), name: Name, paths: z.array(ServerPath).min(1) }),
  },
  'snapshot/delete': {
    class: 'patch',
    idempotent: true,
    expectedMs: 200,
    args: z.strictObject({ name: Name }),
  },
  'service/stop': { class: 'patch', idempotent: true, expectedMs: 2_000, args: ServiceArgs },
  'service/start': { class: 'patch', idempotent: true, expectedMs: 2_000, args: ServiceArgs },
  'archive/install': {
    class: 'patch',
    idempotent: true,
    expectedMs: 2_000,
    args: ReleaseArgs.extend({ digest: DigestText }),
  },
  /** Points `current` at a version that is already there: the undo of an installation. */
  'archive/activate': { class: 'patch', idempotent: true, expectedMs: 200, args: ReleaseArgs },
  'cluster/handover': {
    class: 'command',
    idempotent: false,
    expectedMs: 3_000,
    args: z.strictObject({
      cluster: Name,
      /** Gives the active role to the peer; runs on the member that has it. */
      command: Argv,
      /** Exit status 0 once this member is not active any more. */
      confirm: Argv,
      waitMs: z.int().min(0),
    }),
  },
  'command/run': {
    class: 'command',
    idempotent: false,
    expectedMs: 5_000,
    args: z.strictObject({ command: Argv, expectStatus: z.array(z.int().min(0).max(255)).min(1) }),
  },
  'scan/run': {
    class: 'observe',
    idempotent: true,
    expectedMs: 1_000,
    args: z.strictObject({ profile: ScanProfile }),
  },
} as const satisfies Record<string, StepKindSpec>;

interface StepKindSpec {
  class: StepClass;
  /** Whether it may start again when nobody knows how far it came. */
  idempotent: boolean;
  /** What it takes where no history says better. */
  expectedMs: number;
  args: z.ZodType;
}

export type StepKind = keyof typeof STEP_KINDS;
export type StepArgs<K extends StepKind> = z.infer<(typeof STEP_KINDS)[K]['args']>;

/** A kind with its arguments: what is executed. */
export type Call = { [K in StepKind]: { kind: K; args: StepArgs<K> } }[StepKind];

export const stepKinds = Object.keys(STEP_KINDS) as StepKind[];
export const isStepKind = (kind: string): kind is StepKind => Object.hasOwn(STEP_KINDS, kind);
export const classOf = (kind: StepKind): StepClass => STEP_KINDS[kind].class;
export const isIdempotent = (kind: StepKind): boolean => STEP_KINDS[kind].idempotent;
export const defaultDurationMs = (kind: StepKind): number => STEP_KINDS[kind].expectedMs;

/** The schema of a call, for orders: kind and arguments must fit each other. */
export const Call: z.ZodType<Call> = z.discriminatedUnion(
  'kind',
  stepKinds.map(kind => z.strictObject({ kind: z.literal(kind), args: STEP_KINDS[kind].args })) as never,
) as never;
