import { compileGlob } from '@tidemark/shared/fingerprint/glob.ts';
import { isAudit } from '@tidemark/shared/fingerprint/profile.ts';
import type { Order } from '@tidemark/shared/orders/order.ts';
import { type Call, kindsOf } from '@tidemark/shared/orders/step-kinds.ts';
import { AT_UNITS, CRON_UNITS } from '../platform/batch-units.ts';
import { bareHost, type OwnIdentity, permittedTargets } from '../platform/network-target.ts';

/** What this server lets be done to it, whoever approved it. The owner of the server writes it, no message can. */
export interface HostPolicy {
  /** Kinds, `area/*` or `*`. What {@link BY_NAME_ONLY} has is in neither of the last two. */
  kinds: readonly string[];
  /** Globs over the programs (server paths) that commands may be. */
  programs: readonly string[];
  /** Globs over the directories that releases may be installed in and that backups may be made of. */
  paths: readonly string[];
  /** Globs over the units (of init scripts: `NAME.service`) that steps may start, stop and mask; all where left out. */
  units?: readonly string[];
  /** Globs over the names of the operating system's packages that may change; all where left out. */
  packages?: readonly string[];
  /** What checks may reach beside this server itself: names, globs over names, addresses, networks like 10.0.0.0/8. */
  targets?: readonly string[];
  /** Globs over the files that audits may digest; software alone where left out (scan/audit.ts). */
  audits?: readonly string[];
}

/** A server runs text by its shell only where its policy says so in so many words. */
const BY_NAME_ONLY: ReadonlySet<string> = new Set(['command/shell']);

const NOBODY: OwnIdentity = { names: ['localhost'], addresses: [] };

/** Why the policy does not permit this order: the first job that it does not, and what about it; else null. */
export function forbidden(order: Order, policy: HostPolicy, self: OwnIdentity = NOBODY): string | null {
  const why = forbiddance(policy, self);
  for (const job of order.jobs) {
    for (const call of job.undo ? [job.call, job.undo] : [job.call]) {
      const problem = why(call);
      if (problem !== null) return `job ${job.id}${call === job.undo ? ' (its undo)' : ''}: ${problem}`;
    }
  }
  return null;
}

/** As {@link forbidden}, of one call. */
export const forbiddenCall = (call: Call, policy: HostPolicy, self: OwnIdentity = NOBODY): string | null =>
  forbiddance(policy, self)(call);

function forbiddance(policy: HostPolicy, self: OwnIdentity): (call: Call) => string | null {
  const program = anyOf(policy.programs);
  const path = anyOf(policy.paths);
  const unit = anyOf((policy.units ?? ['*']).map(glob => `/${glob}`));
  const target = permittedTargets(policy.targets ?? [], self);
  const packageName = anyOf((policy.packages ?? ['*']).map(glob => `/${glob}`));
  return call => {
    const badKind = kindsOf(call).find(each => !permitsKind(policy, each));
    if (badKind !== undefined)
      return BY_NAME_ONLY.has(badKind)
        ? `this server's policy does not name ${badKind}, which no "*" stands for`
        : `steps of kind ${badKind} are not among the kinds that this server's policy permits`;
    if (call.kind === 'scan/run' && isAudit(call.args.profile)) return 'an audit is asked for by itself, not as a job';
    const badProgram = programsOf(call).find(each => !program(each));
    if (badProgram !== undefined)
      return `the program ${badProgram} is not among the programs that this server's policy permits`;
    const badPath = pathsOf(call).find(each => !path(each));
    if (badPath !== undefined) return `the path ${badPath} is not among the paths that this server's policy permits`;
    if (unitsOf(call).some(each => AGENT_UNIT.test(each)))
      return 'it would stop or hide the agent itself, and nobody would hear of the server again';
    const badUnit = unitsOf(call).find(each => !unit(`/${each}`));
    if (badUnit !== undefined) return `the unit ${badUnit} is not among the units that this server's policy permits`;
    const badBatch = batchUnitsOf(call).find(names => !names.some(each => unit(`/${each}`)));
    if (badBatch !== undefined)
      return `${badBatch[0]} would be held and is not among the units that this server's policy permits`;
    const badTarget = targetsOf(call).find(each => !target(each));
    if (badTarget !== undefined)
      return `${badTarget} is neither this server nor among the targets that its policy permits`;
    const badPackage = packagesOf(call).find(each => !packageName(`/${each}`));
    if (badPackage !== undefined)
      return `the package ${badPackage} is not among the packages that this server's policy permits`;
    if (policy.packages !== undefined && 'others' in call.args && call.args.others === 'allow')
      return "it lets packages change that it does not list, and this server's policy permits only some";
    return null;
  };
}

/** Whether this server lets steps of a kind be done at all. */
export const permitsKind = ({ kinds }: HostPolicy, kind: string): boolean =>
  kinds.some(pattern => matchesKind(pattern, kind));

/** systemd takes the name with and without its ending. */
const AGENT_UNIT = /^tidemark-agent(\.service)?$/;

const matchesKind = (pattern: string, kind: string): boolean =>
  BY_NAME_ONLY.has(kind)
    ? pattern === kind
    : pattern === '*' || (pattern.endsWith('/*') ? kind.startsWith(pattern.slice(0, -1)) : pattern === kind);

function anyOf(globs: readonly string[]): (path: string) => boolean {
  const compiled = globs.map(compileGlob);
  // `/opt//x` and `/opt/./x` are `/opt/x`: what is matched must be what is run.
  return path => compiled.some(matches => matches(Buffer.from(normal(path))));
}

const normal = (path: string): string =>
  `/${path
    .split('/')
    .filter(part => part !== '' && part !== '.')
    .join('/')}`;

function programsOf(call: Call): string[] {
  switch (call.kind) {
    case 'service/start':
    case 'service/stop':
    case 'service/restart':
    case 'service/status': {
      const { service } = call.args;
      return service.provider === 'script' ? [service.start[0], service.stop[0], service.status[0]] : [];
    }
    case 'cluster/handover':
      return 'command' in call.args ? [call.args.command[0], call.args.confirm[0]] : [];
    case 'cluster/leave':
    case 'cluster/join': {
      const { member } = call.args;
      if (member.manager !== 'command') return [];
      return [member.leave[0], member.left[0], member.join[0], member.joined[0]];
    }
    case 'check/command':
    case 'command/run':
      return [call.args.command[0]];
    case 'check/all':
      return call.args.checks.flatMap(programsOf);
    default:
      return [];
  }
}

function unitsOf(call: Call): string[] {
  switch (call.kind) {
    case 'service/start':
    case 'service/stop':
    case 'service/restart':
    case 'service/reload':
    case 'service/status':
    case 'service/mask':
    case 'service/unmask': {
      const { service } = call.args;
      if (service.provider === 'systemd') return service.units;
      if (service.provider === 'windows') return service.services;
      return service.provider === 'sysv' ? [`${service.name}.service`] : [];
    }
    case 'batch/hold':
      return call.args.timers === 'all' ? [] : call.args.timers;
    case 'cluster/handover':
      return 'unit' in call.args ? [call.args.unit] : [];
    case 'cluster/leave':
    case 'cluster/join': {
      const { member } = call.args;
      if (member.manager === 'keepalived') return ['keepalived.service'];
      return member.manager === 'patroni' ? [member.unit] : [];
    }
    default:
      return [];
  }
}

/** A name that no site has: a policy that permits it permits all timers. */
const ANY_TIMER = 'tidemark-any-timer-there-is.timer';

/** What is held without being named: of each list one must be permitted, since systems call the same service differently. */
function batchUnitsOf(call: Call): readonly (readonly string[])[] {
  if (call.kind !== 'batch/hold') return [];
  const { cron, at, timers } = call.args;
  return [...(cron ? [CRON_UNITS] : []), ...(at ? [AT_UNITS] : []), ...(timers === 'all' ? [[ANY_TIMER]] : [])];
}

/** Hosts that checks connect to, as the order writes them. */
function targetsOf(call: Call): string[] {
  switch (call.kind) {
    case 'check/tcp':
      return [call.args.host];
    case 'check/http':
      return [bareHost(new URL(call.args.url).hostname)];
    case 'check/all':
      return call.args.checks.flatMap(targetsOf);
    default:
      return [];
  }
}

function packagesOf(call: Call): string[] {
  switch (call.kind) {
    case 'package/download':
    case 'package/upgrade':
    case 'package/install':
      return call.args.packages.map(({ name }) => name);
    case 'package/remove':
    case 'package/hold':
    case 'package/unhold':
      return call.args.names;
    default:
      return [];
  }
}

function pathsOf(call: Call): string[] {
  switch (call.kind) {
    case 'archive/install':
    case 'archive/activate':
      return [call.args.home];
    case 'snapshot/create': {
      const { args } = call;
      if (args.method === 'libvirt') return [];
      return args.method === 'restic' ? [...args.paths, args.repository, args.passwordFile] : args.paths;
    }
    case 'snapshot/revert':
      return 'paths' in call.args ? call.args.paths : [];
    case 'cluster/handover': {
      const { args } = call;
      if ('configuration' in args) return [args.configuration];
      return 'dataDirectory' in args ? [args.dataDirectory, args.socket] : [];
    }
    case 'cluster/leave':
    case 'cluster/join':
      return call.args.member.manager === 'patroni' ? [call.args.member.configuration] : [];
    case 'lb/drain':
    case 'lb/enable':
      return [call.args.socket];
    default:
      return [];
  }
}
