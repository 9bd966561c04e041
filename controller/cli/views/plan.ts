import { shortDigest } from '@tidemark/shared/base/digest.ts';
import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import type { Service } from '@tidemark/shared/orders/kinds/service.ts';
import type { Job } from '@tidemark/shared/orders/order.ts';
import type { Plan, PlanHeader, PlannedHost } from '@tidemark/shared/orders/plan.ts';
import { type Call, classOf, type StepArgs } from '@tidemark/shared/orders/step-kinds.ts';
import type { ApprovalState } from '../../api/contract/plans.ts';
import { noPaint, type Paint } from '../output/colour.ts';
import { plain } from '../output/sanitise.ts';
import { fields, table } from '../output/table.ts';
import { bytes, duration, moment } from '../output/time.ts';

export interface PlanViewOptions {
  paint?: Paint;
  /** Says of every job with which arguments it is called, not only of those that run commands. */
  wide?: boolean;
}

/** A plan as people read it before they sign it: everything that will happen, and what keeps what from what. */
export function planLines(plan: Plan, approval: ApprovalState | null, options: PlanViewOptions = {}): string[] {
  const paint = options.paint ?? noPaint;
  const { header } = plan;
  return [
    paint('strong', `Plan ${plain(header.name)}`),
    ...indent(headerLines(plan)),
    ...header.waves.flatMap((wave, index) => ['', ...waveLines(plan, wave, index, paint)]),
    '',
    paint('strong', 'What each host does, in this order'),
    ...folded(
      header.hosts.map(host => ({ host: host.name, lines: told => orderLines(plan, host, options, told) })),
    ).flatMap(({ hosts, lines }) => [`  ${paint('strong', plain(hosts.join(', ')))}`, ...lines]),
    ...section(paint, 'What waits for what between hosts', betweenHosts(header)),
    ...section(paint, 'Left out', excludedLines(header)),
    '',
    ...approvalLines(header, approval, paint),
    `Digest ${plan.digest}`,
  ];
}

function headerLines({ header }: Plan): string[] {
  const { window } = header;
  const changed = header.hosts.filter(host => host.changes.some(change => change.from !== change.to)).length;
  return fields([
    ['policy', `${header.policy.name} of ${header.policy.owner} (${shortDigest(header.policy.digest)})`],
    ['bundle', `${header.bundle.name} (${shortDigest(header.bundle.digest)})`],
    ['fleet', `${header.fleet}, landscape version ${header.landscapeVersion}`],
    ['compiled', `${moment(header.compiledAt)} by ${header.author}`],
    [
      'window',
      `${moment(window.start)} to ${moment(window.end)} (${duration(window.end - window.start)}, of which ${duration(window.reserveMs)} are kept for undo; zone ${window.timezone})`,
    ],
    [
      'hosts',
      `${header.hosts.length} in ${header.waves.length} ${header.waves.length === 1 ? 'wave' : 'waves'}, ${changed} of them change`,
    ],
  ]);
}

function waveLines(plan: Plan, wave: PlanHeader['waves'][number], index: number, paint: Paint): string[] {
  const { header } = plan;
  const hosts = header.hosts.filter(host => host.wave === wave.name);
  const after = wave.needs.length > 0 ? `, after ${wave.needs.map(plain).join(', ')}` : '';
  const soak = wave.soakMs > 0 ? `, then ${duration(wave.soakMs)} of watching` : '';
  const title = `Wave ${index + 1}: ${plain(wave.name)}`;
  const rows = table(
    [
      { title: 'HOST', value: host => host.name },
      { title: 'APPLICATION', value: host => host.application },
      { title: 'TIERS', value: host => host.tiers.join(', ') },
      {
        title: 'CLUSTER',
        value: host => (host.cluster ? `${host.cluster} (${host.clusterRole ?? 'role unknown'})` : null),
      },
      { title: 'STARTS WITH', value: host => togetherWith(header, host) },
      { title: 'JOBS', value: host => jobsOf(plan, host).length },
      { title: 'EXPECTED', value: host => duration(jobsOf(plan, host).reduce((sum, job) => sum + job.expectedMs, 0)) },
      { title: 'CHANGES', value: host => host.changes.map(changeText).join(', ') },
    ],
    hosts,
  );
  return [
    `${paint('strong', title)} (at most ${wave.maxParallel} at once${after}${soak})`,
    ...(hosts.length > 0 ? indent(rows) : ['  no host']),
  ];
}

const togetherWith = (header: PlanHeader, host: PlannedHost): string =>
  header.hosts
    .filter(other => other.unit === host.unit && other.name !== host.name)
    .map(other => other.name)
    .join(', ');

const changeText = ({ product, from, to }: PlannedHost['changes'][number]): string =>
  from === to ? `${product} stays ${to}` : `${product} ${from ?? 'nothing'} -> ${to}`;

const jobsOf = (plan: Plan, host: PlannedHost): readonly Job[] =>
  plan.orders.find(({ order }) => order.host.id === host.id)?.order.jobs ?? [];

/** How a text is told: as it is, or with HOST for a host's own name. */
type Told = (text: string) => string;

function orderLines(plan: Plan, host: PlannedHost, { wide = false }: PlanViewOptions, told: Told): string[] {
  const lines = table(
    [
      { title: '#', value: ({ index }) => index + 1 },
      { title: 'JOB', value: ({ job }) => told(job.name) },
      { title: 'EXPECTED', value: ({ job }) => duration(job.expectedMs) },
      { title: 'IF IT FAILS', value: ({ job }) => failureText(job) },
      { title: 'WHY', value: ({ job }) => told(job.reason) },
      ...(wide ? [{ title: 'EXACTLY', value: ({ job }: { job: Job }) => told(callText(job.call)) }] : []),
    ],
    jobsOf(plan, host).map((job, index) => ({ job, index })),
  );
  // Whoever signs must see the commands: their text is what will run.
  const commands = jobsOf(plan, host).flatMap((job, index) =>
    [job.call, job.undo]
      .filter(call => call !== null)
      .filter(call => classOf(call.kind) === 'command')
      .map(call => `job ${index + 1} runs ${plain(told(callText(call)))}`),
  );
  return [...indent(lines, 4), ...(wide ? [] : indent(commands, 4))];
}

/** In no text that was made fit for a terminal, so a host whose order says "HOST" is not taken for another one. */
const OWN_NAME = '\0';

interface Folded {
  hosts: string[];
  lines: string[];
}

/**
 * Hosts that are shown to do the same stand together, once: with 200 hosts, what differs would not be seen otherwise.
 * Only what reads the same to the letter, but for the host's own name, is taken for the same.
 */
export function folded(shown: readonly { host: string; lines: (told: Told) => string[] }[]): Folded[] {
  const groups = new Map<string, Folded>();
  for (const { host, lines } of shown) {
    const name = new RegExp(`(?<![\\w.-])${host.replaceAll('.', '\\.')}(?![\\w-]|\\.\\w)`, 'g');
    const own = lines(text => text);
    // Columns are as wide as their longest cell, so names of other lengths move what stands behind them.
    const key = own.map(line => line.replace(name, OWN_NAME).replace(/ +/g, ' ')).join('\n');
    const group = groups.get(key);
    if (group) {
      group.hosts.push(host);
      // Laid out anew, so that columns stand under their titles.
      group.lines = lines(text => text.replace(name, 'HOST'));
    } else groups.set(key, { hosts: [host], lines: own });
  }
  return [...groups.values()];
}

function failureText(job: Job): string {
  const again = job.retries.max > 0 ? `${job.retries.max} more ${job.retries.max === 1 ? 'try' : 'tries'}, then ` : '';
  return `${again}${job.onFailure}`;
}

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
    case 'check/tcp':
      return `${call.args.host} port ${call.args.port}`;
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
  }
}

/** Words that hold anything but harmless characters are quoted, so that one argument is not taken for two. */
const argvText = (argv: readonly string[]): string =>
  argv.map(word => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');

function betweenHosts(header: PlanHeader): string[] {
  return [
    ...header.precedences.map(
      ({ before, after, reason }) => `${before.job} on ${before.host} before ${after.job} on ${after.host}: ${reason}`,
    ),
    ...header.limits.map(limit => `at most ${limit.maxOut} of ${limit.hosts.join(', ')} out at once: ${limit.reason}`),
    ...header.clusters.map(
      cluster =>
        `cluster ${cluster.name} (${cluster.members.join(', ')}): active is where ${cluster.activeWhen}; on failure ${cluster.onFailure}`,
    ),
    ...header.budgets.map(budgetText),
  ].map(plain);
}

function budgetText(budget: PlanHeader['budgets'][number]): string {
  const limits = [
    ...(budget.maxFailed === null ? [] : [`more than ${budget.maxFailed} failed`]),
    ...(budget.maxFailedShare === null ? [] : [`more than ${Math.round(budget.maxFailedShare * 1_000) / 10}% failed`]),
  ];
  const of = budget.of === null ? `the ${budget.scope}` : `${budget.scope} ${budget.of}`;
  return `${budget.action} once ${limits.join(' or ')} in ${of}`;
}

const excludedLines = (header: PlanHeader): string[] =>
  header.excluded.length === 0
    ? []
    : table(
        [
          { title: 'HOST', value: row => row.host },
          { title: 'WHY', value: row => row.reason },
        ],
        header.excluded,
      );

/** How many signatures it takes and who gave theirs. */
function approvalLines(header: PlanHeader, approval: ApprovalState | null, paint: Paint): string[] {
  const rules = header.approvals.map(
    rule =>
      `needs ${rule.need} ${rule.need === 1 ? 'approval' : 'approvals'}${rule.from.length > 0 ? ` from ${rule.from.map(plain).join(', ')}` : ''}${rule.notAuthor ? `, not from ${plain(header.author)}` : ''}`,
  );
  if (approval === null) return rules.length > 0 ? [`Approval: ${rules.join('; ')}`] : [];
  const given =
    approval.approvals.map(one => `${plain(one.approver)} (${moment(one.approvedAt)})`).join(', ') || 'nobody yet';
  const standing = `${approval.approvals.length} of ${approval.needed} given: ${given}`;
  return [
    `Approval: ${[...rules, standing].join('; ')}`,
    approval.complete
      ? paint('good', 'It may run.')
      : paint('warning', 'It may not run yet: an approver signs it with "tidemark approve".'),
  ];
}

const section = (paint: Paint, title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', paint('strong', title), ...indent(lines)];

const indent = (lines: readonly string[], by = 2): string[] => lines.map(line => `${' '.repeat(by)}${line}`);
