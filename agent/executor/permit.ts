import { compileGlob } from '@tidemark/shared/fingerprint/glob.ts';
import type { Order } from '@tidemark/shared/orders/order.ts';
import type { Call } from '@tidemark/shared/orders/step-kinds.ts';

/** What this server lets be done to it, whoever approved it. The owner of the server writes it, no message can. */
export interface HostPolicy {
  /** Kinds or `area/*`. */
  kinds: readonly string[];
  /** Globs over the programs (server paths) that commands may be. */
  programs: readonly string[];
  /** Globs over the directories that releases may be installed in and that backups may be made of. */
  paths: readonly string[];
  /** Globs over the units (of init scripts: `NAME.service`) that steps may start, stop and mask; all where left out. */
  units?: readonly string[];
  /** Globs over the names of the operating system's packages that may change; all where left out. */
  packages?: readonly string[];
}

/** Why the policy does not permit this order: the first job that it does not, and what about it; else null. */
export function forbidden(order: Order, policy: HostPolicy): string | null {
  const program = anyOf(policy.programs);
  const path = anyOf(policy.paths);
  const unit = anyOf((policy.units ?? ['*']).map(glob => `/${glob}`));
  const packageName = anyOf((policy.packages ?? ['*']).map(glob => `/${glob}`));
  for (const job of order.jobs) {
    for (const call of job.undo ? [job.call, job.undo] : [job.call]) {
      const whose = `job ${job.id}${call === job.undo ? ' (its undo)' : ''}`;
      if (!policy.kinds.some(kind => matchesKind(kind, call.kind)))
        return `${whose}: steps of kind ${call.kind} are not among the kinds that this server's policy permits`;
      const badProgram = programsOf(call).find(each => !program(each));
      if (badProgram !== undefined)
        return `${whose}: the program ${badProgram} is not among the programs that this server's policy permits`;
      const badPath = pathsOf(call).find(each => !path(each));
      if (badPath !== undefined)
        return `${whose}: the path ${badPath} is not among the paths that this server's policy permits`;
      if (unitsOf(call).some(each => AGENT_UNIT.test(each)))
        return `${whose}: it would stop or hide the agent itself, and nobody would hear of the server again`;
      const badUnit = unitsOf(call).find(each => !unit(`/${each}`));
      if (badUnit !== undefined)
        return `${whose}: the unit ${badUnit} is not among the units that this server's policy permits`;
      const badPackage = packagesOf(call).find(each => !packageName(`/${each}`));
      if (badPackage !== undefined)
        return `${whose}: the package ${badPackage} is not among the packages that this server's policy permits`;
      if (policy.packages !== undefined && 'others' in call.args && call.args.others === 'allow')
        return `${whose}: it lets packages change that it does not list, and this server's policy permits only some`;
    }
  }
  return null;
}

/** systemd takes the name with and without its ending. */
const AGENT_UNIT = /^tidemark-agent(\.service)?$/;

const matchesKind = (pattern: string, kind: string): boolean =>
  pattern === '*' || (pattern.endsWith('/*') ? kind.startsWith(pattern.slice(0, -1)) : pattern === kind);

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
      return [call.args.command[0], call.args.confirm[0]];
    case 'check/command':
    case 'command/run':
      return [call.args.command[0]];
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
      return service.provider === 'sysv' ? [`${service.name}.service`] : [];
    }
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
      const { paths, method } = call.args;
      return method === 'restic' ? [...paths, call.args.repository, call.args.passwordFile] : paths;
    }
    case 'snapshot/revert':
      return call.args.paths;
    case 'lb/drain':
    case 'lb/enable':
      return [call.args.socket];
    default:
      return [];
  }
}
