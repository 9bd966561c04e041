import { ServerPath } from '@tidemark/shared/orders/arguments.ts';
import { PackageName } from '@tidemark/shared/orders/kinds/package.ts';
import type { OnFailure } from '@tidemark/shared/orders/order.ts';
import type { StepKind } from '@tidemark/shared/orders/step-kinds.ts';
import { z } from 'zod';
import { Duration } from '../documents/quantities.ts';
import { Argv, CHECK_WITH, LockWait } from './check-settings.ts';
import { HOST_STEP_WITH } from './host-step-settings.ts';
import { ListedPackage } from './listed-package.ts';
import { Size } from './quantities.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const none = z.strictObject({});

const Names = z.array(PackageName).min(1).max(500);
/** Packages that the bundle does not list and that would change too. */
const Others = z.enum(['refuse', 'allow']).default('refuse');

/**
 * What a policy may say under `with` for each kind of step. The rest of a step's arguments comes from the landscape, the
 * bundle and the facts.
 */
const WITH = {
  ...CHECK_WITH,
  ...HOST_STEP_WITH,
  'check/disk': z.strictObject({
    /** Left free beside what the patch takes. */
    reserve: Size.default(0),
    /** By path, also where nothing of the bundle is installed. */
    free: z.record(ServerPath, Size).default({}),
  }),
  'artifact/stage': none,
  'cluster/handover': none,
  'service/stop': z.strictObject({ wait: Duration.default(30 * SECOND) }),
  'service/start': z.strictObject({ wait: Duration.default(30 * SECOND) }),
  'service/restart': z.strictObject({ wait: Duration.default(30 * SECOND) }),
  'service/reload': z.strictObject({ wait: Duration.default(30 * SECOND) }),
  'service/status': z.strictObject({ expect: z.enum(['up', 'down']).default('up') }),
  'service/mask': none,
  'service/unmask': none,
  'system/reboot': z.strictObject({
    /** `needed`: only where the server says that it needs one. */
    when: z.enum(['needed', 'always']).default('needed'),
    /** Reboots of one host in one plan, over all steps. */
    max: z.int().min(1).max(10).default(2),
    /** How long a server may take to go down. */
    down: Duration.default(5 * MINUTE),
  }),
  'system/wait': z
    .strictObject({
      for: Duration.optional(),
      /** Until all that starts at boot has started, at most so long. */
      booted: Duration.optional(),
    })
    .refine(args => (args.for === undefined) !== (args.booted === undefined), 'give either "for" or "booted"'),
  'archive/install': none,
  'package/refresh': z.strictObject({ lockWait: LockWait }),
  'package/download': z.strictObject({ others: Others, lockWait: LockWait }),
  'package/upgrade': z.strictObject({
    /** Configuration that was changed on a server stays, or the package's takes its place. */
    conffiles: z.enum(['keep', 'replace']).default('keep'),
    others: Others,
    lockWait: LockWait,
  }),
  'package/repair': z.strictObject({ lockWait: LockWait }),
  'package/hold': z.strictObject({ names: Names }),
  'package/unhold': z.strictObject({ names: Names }),
  'package/install': z.strictObject({
    packages: z.array(ListedPackage).min(1).max(500),
    conffiles: z.enum(['keep', 'replace']).default('keep'),
    others: Others,
    lockWait: LockWait,
  }),
  'package/remove': z.strictObject({ names: Names, others: Others, lockWait: LockWait }),
  'command/run': z.strictObject({
    command: Argv,
    expectStatus: z.array(z.int().min(0).max(255)).min(1).default([0]),
  }),
  'scan/run': none,
  'inventory/run': none,
} as const satisfies Partial<Record<StepKind, z.ZodType>>;

/** The kinds that a policy can use. */
export type PlannedKind = keyof typeof WITH;
export const plannedKinds = Object.keys(WITH) as PlannedKind[];
export const isPlannedKind = (kind: string): kind is PlannedKind => Object.hasOwn(WITH, kind);
export const withSchema = (kind: PlannedKind): z.ZodType => WITH[kind];

/** A kind with what the policy says under `with`. */
export type StepSettings = { [K in PlannedKind]: { kind: K; with: z.output<(typeof WITH)[K]> } }[PlannedKind];

/** Kinds of the language that come later: refused as such, so that nobody searches for a slip of the hand. */
export const LATER_KINDS: ReadonlySet<string> = new Set(['check/signatures', 'monitoring/lift', 'monitoring/silence']);

interface KindDefaults {
  timeoutMs: number;
  retries: { max: number; backoffMs: number };
  onFailure: OnFailure;
  /** What takes it back, by kind; null where nothing does. */
  undo: StepKind | null;
}

const once = { max: 0, backoffMs: 0 };

/**
 * Where neither step nor policy says otherwise. Before anything has been touched a host is skipped; from the first stop
 * on it is taken back; what only looks does not undo a good patch.
 */
export const KIND_DEFAULTS: Record<PlannedKind, KindDefaults> = {
  'check/disk': { timeoutMs: MINUTE, retries: once, onFailure: 'skip-host', undo: null },
  // Downloads resume, so that trying again costs only what is missing.
  'artifact/stage': {
    timeoutMs: 30 * MINUTE,
    retries: { max: 2, backoffMs: 5 * SECOND },
    onFailure: 'skip-host',
    undo: null,
  },
  'snapshot/create': { timeoutMs: 30 * MINUTE, retries: once, onFailure: 'skip-host', undo: null },
  'snapshot/delete': { timeoutMs: 10 * MINUTE, retries: once, onFailure: 'continue', undo: null },
  'snapshot/prune': { timeoutMs: 10 * MINUTE, retries: once, onFailure: 'continue', undo: null },
  // Half of it may be back: a person has to look.
  'snapshot/revert': { timeoutMs: 60 * MINUTE, retries: once, onFailure: 'hold', undo: null },
  'check/all': { timeoutMs: 30 * MINUTE, retries: once, onFailure: 'hold', undo: null },
  // What could not be drained is as it was.
  'lb/drain': { timeoutMs: 30 * MINUTE, retries: once, onFailure: 'skip-host', undo: 'lb/enable' },
  'lb/enable': {
    timeoutMs: 10 * MINUTE,
    retries: { max: 1, backoffMs: 10 * SECOND },
    onFailure: 'hold',
    undo: 'lb/drain',
  },
  'cluster/leave': { timeoutMs: 15 * MINUTE, retries: once, onFailure: 'undo-host', undo: 'cluster/join' },
  'cluster/join': {
    timeoutMs: 15 * MINUTE,
    retries: { max: 1, backoffMs: 10 * SECOND },
    onFailure: 'hold',
    undo: 'cluster/leave',
  },
  'file/clean': { timeoutMs: 10 * MINUTE, retries: once, onFailure: 'continue', undo: null },
  'command/shell': { timeoutMs: 10 * MINUTE, retries: once, onFailure: 'hold', undo: null },
  // The agent only says that it waits.
  'manual/task': { timeoutMs: MINUTE, retries: once, onFailure: 'hold', undo: null },
  'check/clock': { timeoutMs: MINUTE, retries: once, onFailure: 'skip-host', undo: null },
  // Before a patch as after one: whoever puts it first writes skip-host.
  'check/units': { timeoutMs: 15 * MINUTE, retries: once, onFailure: 'hold', undo: null },
  'check/tcp': { timeoutMs: 15 * MINUTE, retries: once, onFailure: 'hold', undo: null },
  'check/sql': { timeoutMs: 15 * MINUTE, retries: once, onFailure: 'hold', undo: null },
  'check/command': { timeoutMs: 15 * MINUTE, retries: once, onFailure: 'hold', undo: null },
  // One that was cut off, or that a timer would not let stop, may hold some of it: a release of nothing costs nothing.
  'batch/hold': { timeoutMs: 60 * MINUTE, retries: once, onFailure: 'undo-host', undo: 'batch/release' },
  'batch/release': {
    timeoutMs: 5 * MINUTE,
    retries: { max: 2, backoffMs: 10 * SECOND },
    onFailure: 'hold',
    undo: 'batch/hold',
  },
  // Which member is active is in doubt after a handover that failed: a person has to look.
  'cluster/handover': { timeoutMs: 5 * MINUTE, retries: once, onFailure: 'hold', undo: null },
  'service/stop': {
    timeoutMs: 5 * MINUTE,
    retries: { max: 1, backoffMs: 5 * SECOND },
    onFailure: 'undo-host',
    undo: 'service/start',
  },
  'archive/install': { timeoutMs: 20 * MINUTE, retries: once, onFailure: 'undo-host', undo: 'archive/activate' },
  'package/refresh': {
    timeoutMs: 15 * MINUTE,
    retries: { max: 2, backoffMs: 10 * SECOND },
    onFailure: 'skip-host',
    undo: null,
  },
  'package/download': {
    timeoutMs: 60 * MINUTE,
    retries: { max: 2, backoffMs: 10 * SECOND },
    onFailure: 'skip-host',
    undo: null,
  },
  // Once more where it was cut off: what a power cut left is finished rather than taken back.
  'package/upgrade': {
    timeoutMs: 60 * MINUTE,
    retries: { max: 1, backoffMs: 10 * SECOND },
    onFailure: 'undo-host',
    undo: 'package/upgrade',
  },
  'package/hold': { timeoutMs: 5 * MINUTE, retries: once, onFailure: 'skip-host', undo: 'package/unhold' },
  'package/unhold': { timeoutMs: 5 * MINUTE, retries: once, onFailure: 'skip-host', undo: 'package/hold' },
  'package/install': {
    timeoutMs: 60 * MINUTE,
    retries: { max: 1, backoffMs: 10 * SECOND },
    onFailure: 'undo-host',
    undo: 'package/remove',
  },
  'package/remove': { timeoutMs: 30 * MINUTE, retries: once, onFailure: 'undo-host', undo: 'package/install' },
  'check/pending': { timeoutMs: 60 * MINUTE, retries: once, onFailure: 'skip-host', undo: null },
  'package/repair': { timeoutMs: 60 * MINUTE, retries: once, onFailure: 'hold', undo: null },
  'service/start': {
    timeoutMs: 5 * MINUTE,
    retries: { max: 1, backoffMs: 5 * SECOND },
    onFailure: 'undo-host',
    undo: 'service/stop',
  },
  'service/restart': {
    timeoutMs: 5 * MINUTE,
    retries: { max: 1, backoffMs: 5 * SECOND },
    onFailure: 'undo-host',
    undo: null,
  },
  'service/reload': { timeoutMs: 5 * MINUTE, retries: once, onFailure: 'undo-host', undo: null },
  'service/status': { timeoutMs: MINUTE, retries: once, onFailure: 'undo-host', undo: null },
  'service/mask': { timeoutMs: MINUTE, retries: once, onFailure: 'undo-host', undo: 'service/unmask' },
  'service/unmask': { timeoutMs: MINUTE, retries: once, onFailure: 'undo-host', undo: 'service/mask' },
  // Whether a server that does not come back is taken back or repaired is for a person to say.
  'system/reboot': { timeoutMs: 15 * MINUTE, retries: once, onFailure: 'hold', undo: null },
  'system/wait': { timeoutMs: 24 * 60 * MINUTE, retries: once, onFailure: 'hold', undo: null },
  'check/facts': { timeoutMs: 15 * MINUTE, retries: once, onFailure: 'hold', undo: null },
  'check/loaded': { timeoutMs: 5 * MINUTE, retries: once, onFailure: 'hold', undo: null },
  'check/http': { timeoutMs: 5 * MINUTE, retries: once, onFailure: 'undo-host', undo: null },
  'command/run': { timeoutMs: 10 * MINUTE, retries: once, onFailure: 'hold', undo: null },
  'scan/run': { timeoutMs: 30 * MINUTE, retries: { max: 1, backoffMs: 5 * SECOND }, onFailure: 'continue', undo: null },
  // What is planned next can do with older facts.
  'inventory/run': { timeoutMs: 5 * MINUTE, retries: once, onFailure: 'continue', undo: null },
};
