import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import type { Service } from '@tidemark/shared/orders/kinds/service.ts';
import type { Call, StepArgs } from '@tidemark/shared/orders/step-kinds.ts';
import { bytes } from '../output/time.ts';

/** A call in one line: what is touched and with what. */
export function callText(call: Call): string {
  switch (call.kind) {
    case 'check/disk':
      return call.args.needs.map(need => `${bytes(need.bytes)} free at ${need.path}`).join(', ');
    case 'check/http':
      return `GET ${call.args.url}, status ${call.args.expectStatus}${call.args.expectText === null ? '' : `, text ${JSON.stringify(call.args.expectText)}`}`;
    case 'artifact/stage':
      return `${call.args.name} (${bytes(call.args.bytes)}, ${call.args.digest})`;
    case 'snapshot/create':
      return `${call.args.method} of ${(call.args.method === 'libvirt' ? call.args.domains : call.args.paths).join(', ')} as ${call.args.name}`;
    case 'snapshot/revert':
      return 'paths' in call.args
        ? `${call.args.paths.join(', ')} as in ${call.args.name}${call.args.whenWritten === 'lose' ? ', and what databases have written since is lost' : ''}`
        : `${call.args.domains.join(', ')} as in ${call.args.name}`;
    case 'check/sql':
      return `as ${call.args.user} in ${call.args.database}: ${JSON.stringify(call.args.query)}`;
    case 'check/command':
      return argvText(call.args.command);
    case 'batch/hold': {
      const { cron, at, timers } = call.args;
      const named = timers === 'all' ? 'all timers' : timers.join(', ');
      return [...(cron ? ['cron'] : []), ...(at ? ['at'] : []), ...(named ? [named] : [])].join(', ');
    }
    case 'batch/release':
      return call.args.hold;
    case 'snapshot/delete':
      return call.args.name;
    case 'service/stop':
    case 'service/start':
    case 'service/restart':
    case 'service/reload':
    case 'service/status':
    case 'service/mask':
    case 'service/unmask':
      return serviceText(call.kind, call.args.service);
    case 'system/reboot':
      return `${call.args.when === 'needed' ? 'where it needs one' : 'at least once'}, at most ${call.args.maxReboots} in this plan`;
    case 'system/wait':
      return call.args.until === 'booted' ? `until it has booted, at most ${call.args.ms} ms` : `${call.args.ms} ms`;
    case 'check/loaded':
      return `no process runs a replaced file${call.args.ignore.length > 0 ? `, but ${call.args.ignore.join(', ')}` : ''}`;
    case 'archive/install':
      return `${call.args.product} ${call.args.version} below ${call.args.home} (${call.args.digest})`;
    case 'archive/activate':
      return `${call.args.product} ${call.args.version} below ${call.args.home}`;
    case 'cluster/handover':
      return handoverText(call.args);
    case 'cluster/leave':
    case 'cluster/join':
      return memberText(call.kind, call.args);
    case 'lb/drain':
    case 'lb/enable':
      return `${call.args.backend}/${call.args.server} by ${call.args.socket}`;
    case 'command/run':
      return argvText(call.args.command);
    case 'command/shell':
      return `/bin/sh -c ${JSON.stringify(call.args.script)}`;
    case 'manual/task':
      return `${call.args.who}: ${JSON.stringify(call.args.instructions)}${call.args.evidence === null ? '' : `, to be signed off with ${call.args.evidence}`}`;
    case 'check/all':
      return call.args.checks.map(each => `${each.kind} ${callText(each)}`).join('; ');
    case 'check/facts':
      return call.args.condition;
    case 'inventory/run':
      return 'all that the agent can find out, and what the programs of the site print';
    case 'check/tcp':
      return `${call.args.host} port ${call.args.port}`;
    case 'check/pending':
      return `no package is half done${call.args.held === 'refuse' ? ' or held' : ''}, and nobody works with them`;
    case 'package/refresh':
    case 'package/repair':
      return `waits up to ${Math.round(call.args.lockWaitMs / 1000)} s for other package managers`;
    case 'package/download':
    case 'package/upgrade':
    case 'package/install':
      return call.args.packages.map(packageText).join(', ');
    case 'package/remove':
    case 'package/hold':
    case 'package/unhold':
      return call.args.names.join(', ');
    case 'scan/run':
      return `${call.args.profile.name} of ${call.args.profile.roots.map(root => root.path).join(', ')}`;
    default:
      return JSON.stringify(call);
  }
}

const packageText = ({ name, version, architecture, sha256 }: ExactPackage): string =>
  `${name}${architecture === null ? '' : `:${architecture}`}=${version}${sha256 === null ? '' : ` (${sha256})`}`;

function handoverText(args: StepArgs<'cluster/handover'>): string {
  if ('command' in args) return `${argvText(args.command)}, then until it succeeds ${argvText(args.confirm)}`;
  if (args.manager === 'patroni')
    return `patronictl switchover from ${args.member} to ${args.candidate ?? 'any member'}`;
  return `${args.unit} stops, ${args.peer} port ${args.peerPort} is promoted, ${args.unit} follows it`;
}

function memberText(kind: string, { cluster, member }: StepArgs<'cluster/leave'>): string {
  if (member.manager !== 'command') return `${cluster}, by ${member.manager}`;
  const [command, confirm] = kind === 'cluster/leave' ? [member.leave, member.left] : [member.join, member.joined];
  return `${cluster}: ${argvText(command)}, then until it succeeds ${argvText(confirm)}`;
}

/** What is run on the server, or asked of its service manager. */
function serviceText(kind: string, service: Service): string {
  const verb = kind.slice('service/'.length);
  switch (service.provider) {
    case 'script':
      if (verb === 'restart') return `${argvText(service.stop)}, then ${argvText(service.start)}`;
      return argvText(verb === 'start' ? service.start : verb === 'stop' ? service.stop : service.status);
    case 'systemd':
      return `systemctl ${verb} ${(verb === 'stop' ? service.units.toReversed() : service.units).join(' ')}`;
    case 'sysv':
      return `service ${service.name} ${verb}`;
    case 'windows':
      return `sc.exe ${verb} ${(verb === 'stop' ? service.services.toReversed() : service.services).join(', ')}`;
  }
}

/** Words that hold anything but harmless characters are quoted, so that one argument is not taken for two. */
const argvText = (argv: readonly string[]): string =>
  argv.map(word => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
