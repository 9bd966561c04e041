import { z } from 'zod';
import { archiveKinds } from './kinds/archive.ts';
import { batchKinds } from './kinds/batch.ts';
import { checkKinds } from './kinds/check.ts';
import { clusterKinds } from './kinds/cluster.ts';
import { commandKinds } from './kinds/command.ts';
import { fileKinds } from './kinds/file.ts';
import { inventoryKinds } from './kinds/inventory.ts';
import { lbKinds } from './kinds/lb.ts';
import { manualKinds } from './kinds/manual.ts';
import { packageKinds } from './kinds/package.ts';
import { scanKinds } from './kinds/scan.ts';
import { serviceKinds } from './kinds/service.ts';
import { snapshotKinds } from './kinds/snapshot.ts';
import type { StepClass, StepKindSpec } from './kinds/spec.ts';
import { systemKinds } from './kinds/system.ts';

export type { StepClass } from './kinds/spec.ts';

/**
 * The vocabulary of what an agent can be asked to do. Closed: a kind or argument that is not here is refused when the
 * order arrives. Adding a kind means an entry in its family (kinds/) and, because the compiler demands it, an executor in
 * agent/steps.
 */
const STEP_KINDS = {
  ...checkKinds,
  ...batchKinds,
  ...archiveKinds,
  ...snapshotKinds,
  ...serviceKinds,
  ...clusterKinds,
  ...lbKinds,
  ...fileKinds,
  ...commandKinds,
  ...manualKinds,
  ...packageKinds,
  ...scanKinds,
  ...inventoryKinds,
  ...systemKinds,
};

export type StepKind = keyof typeof STEP_KINDS;
export type StepArgs<K extends StepKind> = z.infer<(typeof STEP_KINDS)[K]['args']>;

/** A kind with its arguments: what is executed. */
export type Call = { [K in StepKind]: { kind: K; args: StepArgs<K> } }[StepKind];

export const stepKinds = Object.keys(STEP_KINDS) as StepKind[];
export const isStepKind = (kind: string): kind is StepKind => Object.hasOwn(STEP_KINDS, kind);
export const classOf = (kind: StepKind): StepClass => STEP_KINDS[kind].class;
/** The kind of a call, and those of all that it holds: it needs the trust, and the permission, of each. */
export const kindsOf = (call: Call): StepKind[] =>
  call.kind === 'check/all' ? [call.kind, ...call.args.checks.map(({ kind }) => kind)] : [call.kind];
export const isIdempotent = (kind: StepKind): boolean => STEP_KINDS[kind].idempotent;
/** See {@link StepKindSpec.resumes}. */
export const isResumed = (kind: StepKind): boolean => (STEP_KINDS[kind] as StepKindSpec).resumes === true;
/** It looks or prepares, and leaves in service what is. All others count as taking something out of it. */
export const leavesInService = (kind: StepKind): boolean =>
  classOf(kind) === 'observe' || (STEP_KINDS[kind] as StepKindSpec).prepares === true;
export const defaultDurationMs = (kind: StepKind): number => STEP_KINDS[kind].expectedMs;

/** The schema of a call, for orders: kind and arguments must fit each other. */
export const Call: z.ZodType<Call> = z.discriminatedUnion(
  'kind',
  stepKinds.map(kind => z.strictObject({ kind: z.literal(kind), args: STEP_KINDS[kind].args })) as never,
) as never;
