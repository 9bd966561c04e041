import type { Call, StepArgs } from '@tidemark/shared/orders/step-kinds.ts';
import { listed } from './fleet-view.ts';
import type { HostStepKind, HostStepWith } from './host-step-settings.ts';
import { draft, type JobDraft } from './job-draft.ts';

export interface HostStepContext {
  host: string;
  /** Of the step, for names. */
  id: string;
  /** One name a plan and host: what is held under it is released under it. */
  hold: string;
  /** What the policy's own step holds; null where it has none. */
  holds: HostStepWith<'batch/hold'> | null;
  /** What changes: products and where they live; both empty where only packages or nothing does. */
  snapshot: {
    name: string;
    products: readonly string[];
    homes: readonly string[];
    changes: boolean;
    windowEnd: number;
  };
}

type HostStep = { [K in HostStepKind]: { kind: K; with: HostStepWith<K> } }[HostStepKind];

/** The job of a step that is the same on every host, but for names. */
export function hostStepJob(step: HostStep, context: HostStepContext): JobDraft[] {
  const { host, id } = context;
  switch (step.kind) {
    case 'check/clock':
      return [check(`check the clock of ${host}`, { kind: step.kind, args: { maxOffsetMs: step.with.maxOffset } })];
    case 'check/units': {
      const { within: withinMs, ...args } = step.with;
      return [check(`check the units of ${host}`, { kind: step.kind, args: { ...args, withinMs } })];
    }
    case 'check/tcp': {
      const { within: withinMs, ...args } = step.with;
      const name = `check that ${host} reaches ${args.host} port ${args.port}`;
      return [check(name, { kind: step.kind, args: { ...args, withinMs } })];
    }
    case 'check/sql':
      return [
        check(`ask the database ${step.with.database} on ${host}`, { kind: step.kind, args: sqlArgs(step.with) }),
      ];
    case 'check/command': {
      const { within: withinMs, command, ...args } = step.with;
      const argv = command as [string, ...string[]];
      return [check(`check ${id} on ${host}`, { kind: step.kind, args: { ...args, command: argv, withinMs } })];
    }
    case 'batch/hold':
      return [
        draft({
          name: `hold batch work on ${host}`,
          reason: 'nothing that starts by itself may meet a half patched server',
          call: hold(context.hold, step.with),
          undo: { kind: 'batch/release', args: { hold: context.hold } },
        }),
      ];
    case 'batch/release':
      return [
        draft({
          name: `release batch work on ${host}`,
          reason: 'what was held for the patch runs again',
          call: { kind: 'batch/release', args: { hold: context.hold } },
          undo: context.holds && hold(context.hold, context.holds),
        }),
      ];
    case 'snapshot/create':
      return backup(step.with, context);
    case 'snapshot/prune':
      return [
        draft({
          name: `delete old backups on ${host}`,
          reason: 'their time is over',
          call: { kind: 'snapshot/prune', args: {} },
        }),
      ];
  }
}

const check = (name: string, call: Call): JobDraft => draft({ name, reason: 'the policy lists it', call });

function hold(name: string, { wait, ...selection }: HostStepWith<'batch/hold'>): Call {
  return { kind: 'batch/hold', args: { hold: name, ...selection, waitMs: wait } };
}

function sqlArgs({ socket, port, expect, limit, ...args }: HostStepWith<'check/sql'>): StepArgs<'check/sql'> {
  const at = { by: 'socket' as const, directory: socket, port };
  return { engine: 'postgresql', at, ...args, expectValue: expect, statementMs: Math.max(1, limit) };
}

function backup(settings: HostStepWith<'snapshot/create'>, { host, snapshot }: HostStepContext): JobDraft[] {
  const paths = settings.paths ?? [...snapshot.homes];
  if (paths.length === 0 || !snapshot.changes) return [];
  const subjects = settings.paths ?? snapshot.products;
  const { method, keep, repository, passwordFile } = settings;
  const what = {
    name: snapshot.name,
    paths,
    ...(keep === undefined ? {} : { expiresAt: snapshot.windowEnd + keep }),
  };
  const args: StepArgs<'snapshot/create'> =
    method === 'restic'
      ? { method, ...what, repository: repository ?? '', passwordFile: passwordFile ?? '' }
      : { method, ...what };
  return [
    draft({
      name: `back up ${listed(subjects)} on ${host}`,
      reason: 'what will change is kept, so that it can be looked at and brought back',
      call: { kind: 'snapshot/create', args },
    }),
  ];
}
