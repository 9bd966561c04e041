import { shortDigest } from '@tidemark/shared/base/digest.ts';
import type { Job } from '@tidemark/shared/orders/order.ts';
import type { Gate, Plan, PlanHeader, PlannedHost } from '@tidemark/shared/orders/plan.ts';
import { classOf, kindsOf } from '@tidemark/shared/orders/step-kinds.ts';
import type { ApprovalState } from '../../api/contract/plans.ts';
import { noPaint, type Paint } from '../output/colour.ts';
import { plain } from '../output/sanitise.ts';
import { fields, table } from '../output/table.ts';
import { duration, moment } from '../output/time.ts';
import { callText } from './call-text.ts';

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
    [
      'bundle',
      `${header.bundle.name} (${shortDigest(header.bundle.digest)})${header.bundle.leftOut.length > 0 ? `, without ${header.bundle.leftOut.join(', ')}` : ''}`,
    ],
    ...emergencyFields(header),
    ['fleet', `${header.fleet}, landscape version ${header.landscapeVersion}`],
    ...(header.landscapeStale ?? []).map((why): [string, string] => ['STALE', why]),
    ['compiled', `${moment(header.compiledAt)} by ${header.author}`],
    [
      'window',
      `${moment(window.start)} to ${moment(window.end)} (${duration(window.end - window.start)}, of which ${duration(window.reserveMs)} are kept for undo; zone ${window.timezone})${window.chosen === 'recurrence' ? ', the next one of the policy' : ''}`,
    ],
    ...window.skipped.map(({ start, reason }) => ['passed over', `${moment(start)}: ${reason}`] as [string, string]),
    [
      'hosts',
      `${header.hosts.length} in ${header.waves.length} ${header.waves.length === 1 ? 'wave' : 'waves'}, ${changed} of them change`,
    ],
  ]);
}

const emergencyFields = ({ emergency }: PlanHeader): [string, string][] =>
  emergency === null
    ? []
    : [
        ['EMERGENCY', emergency.reason],
        ...emergency.changes.map((change): [string, string] => ['because of it', change]),
      ];

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
    ...wave.gates.map(gate => `  opens only after ${plain(gateText(gate))}`),
    ...(hosts.length > 0 ? indent(rows) : ['  no host']),
  ];
}

/** What a gate waits for, in one line. */
export function gateText(gate: Gate): string {
  switch (gate.kind) {
    case 'approval':
      return `${gate.need} ${gate.need === 1 ? 'approval' : 'approvals'} of the wave${fromText(gate)}`;
    case 'signal':
      return `the signal ${gate.name}${gate.withinMs === null ? '' : `, given within ${duration(gate.withinMs)}`}`;
    case 'http':
      return `${gate.name}: ${gate.url} answers ${gate.expectStatus}${gate.expectText === null ? '' : ` with ${JSON.stringify(gate.expectText)}`}, within ${duration(gate.withinMs)}`;
    case 'metric':
      return `${gate.name}: ${gate.query} ${gate.pass.operator} ${gate.pass.value} at ${gate.url}, within ${duration(gate.withinMs)}`;
  }
}

type Approvers = Pick<PlanHeader['approvals'][number], 'from' | 'notAuthor' | 'expiresMs' | 'onExpire'>;

const fromText = ({ from, expiresMs, onExpire }: Approvers): string =>
  `${from.length > 0 ? ` from ${from.join(', ')}` : ''}${expiresMs === null ? '' : `, each good for ${duration(expiresMs)}, then ${onExpire}`}`;

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
      .filter(call => kindsOf(call).some(kind => classOf(kind) === 'command'))
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

/** What keeps what from what, and when it stops. */
function betweenHosts(header: PlanHeader): string[] {
  return [
    ...header.precedences.map(
      ({ before, after, reason }) => `${before.job} on ${before.host} before ${after.job} on ${after.host}: ${reason}`,
    ),
    ...header.limits.map(
      limit =>
        `at most ${limit.maxOut} of ${limit.hosts.join(', ')} out at once${limit.key === null ? '' : ' over all runs'}: ${limit.reason}`,
    ),
    ...header.clusters.map(clusterText),
    ...header.budgets.map(budgetText),
  ].map(plain);
}

function clusterText(cluster: PlanHeader['clusters'][number]): string {
  const { name, members, order, activeWhen, healthyWhen, minHealthy, onFailure } = cluster;
  return [
    `cluster ${name} (${members.join(', ')}): ${order}`,
    ...(activeWhen === null ? [] : [`active is where ${activeWhen}`]),
    ...(healthyWhen === null ? [] : [`well is where ${healthyWhen}`]),
    `${minHealthy} must be well beside the one that is patched`,
    `on failure ${onFailure}`,
  ].join('; ');
}

function budgetText(budget: PlanHeader['budgets'][number]): string {
  const limits = [
    ...(budget.maxFailed === null ? [] : [`more than ${budget.maxFailed} failed`]),
    ...(budget.maxFailedShare === null ? [] : [`more than ${Math.round(budget.maxFailedShare * 1_000) / 10}% failed`]),
  ];
  if (budget.minMarginMs !== null)
    return `${budget.action} once the run is expected to end less than ${duration(budget.minMarginMs)} before the window does`;
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
  const rules = header.approvals.map(rule =>
    plain(
      `needs ${rule.need} ${rule.need === 1 ? 'approval' : 'approvals'}${fromText(rule)}${rule.notAuthor ? `, not from ${header.author}` : ''}`,
    ),
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
