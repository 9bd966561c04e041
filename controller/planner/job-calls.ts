import type { StepArgs } from '@tidemark/shared/orders/step-kinds.ts';
import type { Change } from './changes.ts';
import { allChecks, checkJob, pageJob } from './check-jobs.ts';
import { handoverArgs } from './handover.ts';
import { type HostStepContext, hostStepJob } from './host-step-jobs.ts';
import type { HostStepWith } from './host-step-settings.ts';
import type { PlannerComponent } from './input.ts';
import { releaseKey } from './input.ts';
import { describe, draft, type JobDraft } from './job-draft.ts';
import {
  fetchPackages,
  packageSpace,
  pendingPackages,
  refreshPackages,
  repairPackages,
  upgradePackages,
} from './package-jobs.ts';
import { installPackages, markPackages, removePackages } from './package-listed.ts';
import { fillIn } from './placeholders.ts';
import type { Step } from './policy.ts';
import type { Candidate } from './population.ts';
import { scanProfileOf } from './scan-profile.ts';
import { loaded, maskJob, reboot, reloadJob, restartJob, statusJob, wait } from './system-jobs.ts';

/** What all jobs of one host are made from. */
export interface HostContext {
  candidate: Candidate;
  /** Components that stop, in the order of their tiers. */
  stopping: readonly PlannerComponent[];
  snapshot: string;
  /** What the policy's step batch/hold holds, for the undo of its release. */
  holds: HostStepWith<'batch/hold'> | null;
  windowEnd: number;
  bundle: string;
  installedBytes: ReadonlyMap<string, number>;
}

/** The jobs that a step has on a host: none where the host does not need it. */
export function draftsOf(step: Step, context: HostContext): JobDraft[] {
  const { candidate } = context;
  const host = candidate.view.host.name;
  switch (step.kind) {
    case 'check/disk':
      return spaceCheck(context, step.with);
    case 'artifact/stage':
      return distinctProducts(candidate.changes).map(({ product, release }) =>
        draft({
          suffix: product,
          name: `stage ${product} ${release.version} on ${host}`,
          reason: `bundle ${context.bundle} brings ${product} ${release.version}; it is fetched before anything stops`,
          call: { kind: 'artifact/stage', args: release.artifact },
        }),
      );
    case 'check/clock':
    case 'check/units':
    case 'check/tcp':
    case 'check/sql':
    case 'check/command':
    case 'check/facts':
      return checkJob(step, checkContext(candidate, step.id));
    case 'check/all':
      return allChecks(step.with.checks, checkContext(candidate, step.id));
    case 'batch/hold':
    case 'batch/release':
    case 'snapshot/create':
    case 'snapshot/revert':
    case 'snapshot/delete':
    case 'snapshot/prune':
    case 'lb/drain':
    case 'lb/enable':
    case 'cluster/leave':
    case 'cluster/join':
    case 'file/clean':
    case 'command/shell':
    case 'manual/task':
      return hostStepJob(step, hostStepContext(context, step.id));
    case 'cluster/handover':
      return handover(candidate);
    case 'service/stop':
      return context.stopping.flatMap(component => serviceJob(context, component, 'stop', step.with.wait));
    case 'service/start':
      return context.stopping
        .toReversed()
        .flatMap(component => serviceJob(context, component, 'start', step.with.wait));
    case 'package/refresh':
      return refreshPackages(candidate, context.bundle, step.with).map(draft);
    case 'package/download':
      return fetchPackages(candidate, context.bundle, step.with).map(draft);
    case 'package/upgrade':
      return upgradePackages(candidate, context.bundle, step.with).map(draft);
    case 'package/repair':
      return repairPackages(candidate, step.with).map(draft);
    case 'package/hold':
      return markPackages(candidate, 'hold', step.with).map(draft);
    case 'package/unhold':
      return markPackages(candidate, 'unhold', step.with).map(draft);
    case 'package/install':
      return installPackages(candidate, step.with).map(draft);
    case 'package/remove':
      return removePackages(candidate, step.with).map(draft);
    case 'check/pending':
      return [pendingPackages(candidate, step.with)].map(draft);
    case 'service/restart':
      return context.stopping.toReversed().flatMap(component => restartJob(component, step.with.wait));
    case 'service/reload':
      return context.stopping.toReversed().flatMap(component => reloadJob(component, step.with.wait));
    case 'service/status':
      return context.stopping.flatMap(component => statusJob(component, step.with.expect));
    case 'service/mask':
      return context.stopping.flatMap(component => maskJob(component, 'mask'));
    case 'service/unmask':
      return context.stopping.toReversed().flatMap(component => maskJob(component, 'unmask'));
    case 'system/reboot':
      return [reboot(host, step.with)];
    case 'system/wait':
      return [wait(host, step.with)];
    case 'check/loaded':
      return [loaded(host, step.with.ignore)];
    case 'archive/install':
      return candidate.changes.map(change => install(candidate, change));
    case 'check/http':
      if (step.with.url !== undefined)
        return pageJob({ ...step.with, url: step.with.url }, checkContext(candidate, step.id));
      return candidate.view.components
        .filter(isTouched(context))
        .flatMap(component => health(component, step.with.within));
    case 'command/run':
      return [command(candidate, step.id, step.with)];
    case 'scan/run':
      return scan(candidate);
    case 'inventory/run':
      return [
        draft({
          name: `collect the facts of ${host}`,
          reason: 'what is planned next is to see it as it is now',
          call: { kind: 'inventory/run', args: {} },
        }),
      ];
  }
}

const distinctProducts = (changes: readonly Change[]): Change[] => [
  ...new Map(changes.map(change => [change.product, change])).values(),
];

/** Components that stop, and those whose release changes under them. */
function isTouched({ candidate, stopping }: HostContext): (component: PlannerComponent) => boolean {
  const names = new Set(
    [...stopping, ...[...candidate.changes, ...candidate.packages].flatMap(change => change.components)].map(
      ({ name }) => name,
    ),
  );
  return component => names.has(component.name);
}

function spaceCheck(
  { candidate, installedBytes, bundle }: HostContext,
  { reserve, free }: { reserve: number; free: Readonly<Record<string, number>> },
): JobDraft[] {
  const { changes, packages, view } = candidate;
  const asked = Object.entries(free);
  if (changes.length + packages.length + asked.length === 0) return [];
  const mounts = mountsOf(candidate.facts);
  const needs = new Map<string, { path: string; bytes: number }>();
  // The archive is fetched once for a product, wherever and however often it is unpacked.
  const downloads = distinctProducts(changes).reduce((sum, { release }) => sum + release.artifact.bytes, 0);
  for (const [index, change] of changes.entries()) {
    // Where the server says nothing about its file systems, all is counted as if it lay on one.
    const mount = mountOf(change.home, mounts);
    const before = needs.get(mount) ?? { path: change.home, bytes: reserve };
    const bytes = change.release.unpackedBytes + backupBytes(change, installedBytes) + (index === 0 ? downloads : 0);
    needs.set(mount, { ...before, bytes: before.bytes + bytes });
  }
  for (const [path, bytes] of packageSpace(packages)) {
    const before = needs.get(mountOf(path, mounts)) ?? { path, bytes: reserve };
    needs.set(mountOf(path, mounts), { ...before, bytes: before.bytes + bytes });
  }
  for (const [path, bytes] of asked) {
    const before = needs.get(mountOf(path, mounts)) ?? { path, bytes: 0 };
    needs.set(mountOf(path, mounts), { ...before, bytes: before.bytes + bytes });
  }
  const total = [...needs.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  return [
    draft({
      name: `check free space on ${view.host.name}`,
      reason:
        changes.length + packages.length === 0
          ? `the policy asks for ${megabytes(total)}`
          : `download, unpacked ${changes.length > 0 ? 'release and backup' : 'packages'} of bundle ${bundle} take ${megabytes(total)}`,
      call: { kind: 'check/disk', args: { needs: [...needs.values()] } },
    }),
  ];
}

const megabytes = (bytes: number): string => `${Math.max(0.1, bytes / 1e6).toFixed(1)} MB`;

/** All versions that lie in the home; of one whose size nobody knows, that of the new one. */
function backupBytes({ available, product, release }: Change, installedBytes: ReadonlyMap<string, number>): number {
  return available
    .map(version => installedBytes.get(releaseKey(product, version)) ?? release.unpackedBytes)
    .reduce((sum, bytes) => sum + bytes, 0);
}

function mountsOf(facts: Readonly<Record<string, unknown>>): string[] {
  const mounts = Array.isArray(facts['mounts']) ? facts['mounts'] : [];
  return mounts.flatMap((each: unknown) => {
    const mount = typeof each === 'object' && each !== null ? (each as { mount?: unknown }).mount : null;
    return typeof mount === 'string' ? [mount] : [];
  });
}

function mountOf(path: string, mounts: readonly string[]): string {
  const under = mounts.filter(mount => `${path}/`.startsWith(mount.endsWith('/') ? mount : `${mount}/`));
  return under.sort((a, b) => b.length - a.length)[0] ?? '/';
}

function hostStepContext({ candidate, ...context }: HostContext, id: string): HostStepContext {
  const { changes, packages, view } = candidate;
  return {
    host: view.host.name,
    id,
    hold: context.snapshot,
    cluster: view.cluster?.name ?? null,
    holds: context.holds,
    snapshot: {
      name: context.snapshot,
      products: distinctProducts(changes).map(({ product }) => product),
      homes: [...new Set(changes.map(({ home }) => home))],
      changes: changes.length + packages.length > 0,
      windowEnd: context.windowEnd,
    },
  };
}

/** Only the member that the probe found active gives its role away. */
function handover({ cluster, role, view }: Candidate): JobDraft[] {
  const host = view.host.name;
  if (!cluster || role !== 'active' || !cluster.rule.handover) return [];
  const peer = [...cluster.roles].find(([, peerRole]) => peerRole === 'standby')?.[0] ?? '';
  const values = { 'host.name': host, 'peer.name': peer, 'cluster.name': cluster.name };
  const { with: settings, timeoutMs } = cluster.rule.handover;
  return [
    draft({
      suffix: cluster.name,
      name: `hand over cluster ${cluster.name} from ${host} to ${peer}`,
      reason: `${host} is the active member of ${cluster.name}: a member that has been patched takes over first`,
      call: { kind: 'cluster/handover', args: handoverArgs(cluster.name, settings, values) },
      timeoutMs,
    }),
  ];
}

function serviceJob(
  context: HostContext,
  component: PlannerComponent,
  verb: 'stop' | 'start',
  waitMs: number,
): JobDraft[] {
  if (!component.service) return [];
  const args: StepArgs<'service/stop'> = { component: component.name, service: component.service, waitMs };
  const other = verb === 'stop' ? 'service/start' : 'service/stop';
  return [
    draft({
      suffix: component.name,
      name: `${verb} ${describe(component)}`,
      component: component.name,
      reason: serviceReason(context, component, verb),
      call: { kind: `service/${verb}`, args },
      undo: { kind: other, args },
    }),
  ];
}

function serviceReason({ candidate }: HostContext, component: PlannerComponent, verb: 'stop' | 'start'): string {
  if (verb === 'start') return 'it was stopped for the patch';
  const change = candidate.changes.find(({ components }) => components.some(({ name }) => name === component.name));
  if (change) return `${change.product} ${change.from} under it becomes ${change.release.version}`;
  const own = candidate.packages.find(({ components }) => components.some(({ name }) => name === component.name));
  if (own) return `package ${own.to.name} ${own.from} under it becomes ${own.to.version}`;
  const unnamed = candidate.packages.find(({ components }) => components.length === 0);
  if (unnamed) return `package ${unnamed.to.name} changes, and no component names it: anything may use it`;
  return candidate.unit
    ? `${candidate.unit.name} stops as a whole`
    : `it stands above or below a component of ${component.application ?? 'this host'} that changes`;
}

function install({ view }: Candidate, { product, home, from, release, components }: Change): JobDraft {
  const [only] = components;
  return draft({
    suffix: product,
    name: `install ${product} ${release.version} on ${view.host.name}`,
    component: components.length === 1 && only ? only.name : null,
    reason: `${product} is on ${from}; the bundle brings ${release.version}`,
    call: {
      kind: 'archive/install',
      args: { product, version: release.version, home, digest: release.artifact.digest },
    },
    undo: { kind: 'archive/activate', args: { product, version: from, home } },
  });
}

function health(component: PlannerComponent, withinMs: number): JobDraft[] {
  if (!component.health) return [];
  const { url, status, text } = component.health;
  return [
    draft({
      suffix: component.name,
      name: `check health of ${describe(component)}`,
      component: component.name,
      reason: 'it must answer as the landscape says before the host counts as patched',
      call: { kind: 'check/http', args: { url, expectStatus: status, expectText: text, withinMs } },
    }),
  ];
}

const checkContext = ({ view }: Candidate, id: string) => ({
  host: view.host.name,
  id,
  placeholders: { 'host.name': view.host.name, 'cluster.name': view.cluster?.name ?? '' },
});

function command(
  { view, cluster }: Candidate,
  id: string,
  args: { command: string[]; expectStatus: number[] },
): JobDraft {
  const values = { 'host.name': view.host.name, 'cluster.name': cluster?.name ?? '' };
  const argv = args.command.map(text => fillIn(text, values)) as [string, ...string[]];
  return draft({
    name: `run ${id} on ${view.host.name}`,
    reason: 'the policy lists it',
    call: { kind: 'command/run', args: { command: argv, expectStatus: args.expectStatus } },
  });
}

function scan({ view }: Candidate): JobDraft[] {
  const profile = scanProfileOf(view.components);
  if (!profile) return [];
  return [
    draft({
      name: `fingerprint ${view.host.name}`,
      reason: 'what is on it afterwards is compared with signatures and peers',
      call: { kind: 'scan/run', args: { profile } },
    }),
  ];
}
