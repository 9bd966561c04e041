import type { ClusterMember } from '@tidemark/shared/orders/kinds/cluster.ts';
import type { Call, StepArgs } from '@tidemark/shared/orders/step-kinds.ts';
import { listed } from './fleet-view.ts';
import type { HostStepKind, HostStepWith } from './host-step-settings.ts';
import { draft, type JobDraft } from './job-draft.ts';
import { fillIn } from './placeholders.ts';

export interface HostStepContext {
  host: string;
  /** Of the step, for names. */
  id: string;
  /** One name a plan and host: what is held under it is released under it. */
  hold: string;
  /** Of the host; null where it is in none. */
  cluster: string | null;
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
    case 'snapshot/revert':
      return revert(step.with, context);
    case 'snapshot/delete':
      // Without a name it is this plan's own, which is made only where something changes.
      if (step.with.name === undefined && !context.snapshot.changes) return [];
      return [
        draft({
          name: `delete the backup ${step.with.name ?? 'of this plan'} on ${host}`,
          reason: LISTED,
          call: { kind: step.kind, args: { name: step.with.name ?? context.snapshot.name } },
        }),
      ];
    case 'lb/drain':
    case 'lb/enable':
      return balancerJob(step, context);
    case 'cluster/leave':
    case 'cluster/join':
      return membershipJob(step.kind, step.with, context);
    case 'file/clean':
      return [
        draft({
          name: `free space on ${host}`,
          reason: LISTED,
          call: {
            kind: step.kind,
            args: {
              packageCache: step.with.packageCache,
              journalKeepBytes: step.with.journalKeep ?? null,
              kernelsKeep: step.with.kernelsKeep ?? null,
              lockWaitMs: step.with.lockWait,
            },
          },
        }),
      ];
    case 'command/shell':
      return [
        draft({ name: `run the script ${id} on ${host}`, reason: LISTED, call: { kind: step.kind, args: step.with } }),
      ];
    case 'manual/task': {
      const { expected: expectedMs, instructions, ...args } = step.with;
      return [
        draft({
          name: `${args.who}: ${id} for ${host}`,
          reason: 'somebody has to do it, and to sign that it is done',
          call: { kind: step.kind, args: { ...args, instructions: filled(instructions, context), expectedMs } },
          waitsForPerson: true,
        }),
      ];
    }
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

const LISTED = 'the policy lists it';

const filled = (text: string, { host, cluster }: HostStepContext): string =>
  fillIn(text, { 'host.name': host, 'cluster.name': cluster ?? '' });

type BalancerStep = Extract<HostStep, { kind: 'lb/drain' | 'lb/enable' }>;

/** What was found is put back: a server that somebody had taken out of service stays out. */
function balancerJob(step: BalancerStep, context: HostStepContext): JobDraft[] {
  const { socket, wait: waitMs } = step.with;
  const [backend, server] = [filled(step.with.backend, context), filled(step.with.server, context)];
  const member = { balancer: 'haproxy' as const, socket, backend, server, waitMs };
  const drain: Call = {
    kind: 'lb/drain',
    args: { ...member, whenBusy: step.kind === 'lb/drain' ? step.with.whenBusy : 'go-on' },
  };
  const enable: Call = { kind: 'lb/enable', args: member };
  const drains = step.kind === 'lb/drain';
  return [
    draft({
      name: `${drains ? 'drain' : 'enable'} ${backend}/${server} on ${context.host}`,
      reason: drains ? 'nobody shall be cut off by the patch' : 'it was drained for the patch',
      call: drains ? drain : enable,
      undo: drains ? enable : drain,
    }),
  ];
}

function membershipJob(
  kind: 'cluster/leave' | 'cluster/join',
  settings: HostStepWith<'cluster/leave'>,
  context: HostStepContext,
): JobDraft[] {
  const cluster = settings.cluster ?? context.cluster;
  if (cluster === null) return [];
  const args = { cluster, member: memberOf(settings, context), waitMs: settings.wait };
  const leaves = kind === 'cluster/leave';
  return [
    draft({
      suffix: cluster,
      name: `${context.host} ${leaves ? 'leaves' : 'joins'} cluster ${cluster}`,
      reason: leaves ? 'what runs on it moves away before it is patched' : 'it left for the patch',
      call: { kind, args },
      undo: { kind: leaves ? 'cluster/join' : 'cluster/leave', args },
    }),
  ];
}

function memberOf(settings: HostStepWith<'cluster/leave'>, context: HostStepContext): ClusterMember {
  switch (settings.manager) {
    case 'pacemaker':
      return { manager: settings.manager };
    case 'keepalived':
      return { manager: settings.manager, addresses: settings.addresses };
    case 'patroni': {
      const { manager, unit, configuration, member } = settings;
      return { manager, unit, configuration, member: filled(member, context) };
    }
    case 'command': {
      const { manager, leave, left, join, joined } = settings;
      const argv = (words: readonly string[]) => words.map(word => filled(word, context)) as [string, ...string[]];
      return { manager, leave: argv(leave), left: argv(left), join: argv(join), joined: argv(joined) };
    }
  }
}

function revert(settings: HostStepWith<'snapshot/revert'>, { host, snapshot }: HostStepContext): JobDraft[] {
  const { domains, whenWritten } = settings;
  const name = settings.name ?? snapshot.name;
  const paths = settings.paths ?? [...snapshot.homes];
  if (domains === undefined && paths.length === 0) return [];
  return [
    draft({
      name: `put ${listed(domains ?? paths)} on ${host} back`,
      reason: LISTED,
      call: { kind: 'snapshot/revert', args: domains ? { name, domains } : { name, paths, whenWritten } },
    }),
  ];
}

function hold(name: string, { wait, ...selection }: HostStepWith<'batch/hold'>): Call {
  return { kind: 'batch/hold', args: { hold: name, ...selection, waitMs: wait } };
}

function backup(settings: HostStepWith<'snapshot/create'>, { host, snapshot }: HostStepContext): JobDraft[] {
  const { method, keep, repository, passwordFile, domains, uri } = settings;
  const paths = settings.paths ?? [...snapshot.homes];
  if (!snapshot.changes || (method !== 'libvirt' && paths.length === 0)) return [];
  const subjects = domains ?? settings.paths ?? snapshot.products;
  const { name } = snapshot;
  const expiry = keep === undefined ? {} : { expiresAt: snapshot.windowEnd + keep };
  const what = { name, paths, ...expiry };
  return [
    draft({
      name: `back up ${listed(subjects)} on ${host}`,
      reason: 'what will change is kept, so that it can be looked at and brought back',
      call: { kind: 'snapshot/create', args: createArgs() },
    }),
  ];

  function createArgs(): StepArgs<'snapshot/create'> {
    if (method === 'libvirt') return { method, name, domains: domains ?? [], uri: uri ?? 'qemu:///system', ...expiry };
    if (method === 'restic') return { method, ...what, repository: repository ?? '', passwordFile: passwordFile ?? '' };
    return { method, ...what };
  }
}
