import { p90Of } from '@tidemark/shared/orders/expected.ts';
import type { Job } from '@tidemark/shared/orders/order.ts';
import type { Plan, PlanHeader, PlannedHost } from '@tidemark/shared/orders/plan.ts';
import { plain } from '../output/sanitise.ts';
import { fields, table } from '../output/table.ts';
import { duration, moment } from '../output/time.ts';
import { callText } from './call-text.ts';

/** Why a host is in a plan, with all that it waits for, or why it is not; null where the plan does not know it. */
export function explainHost(plan: Plan, name: string): string[] | null {
  const { header } = plan;
  const host = header.hosts.find(each => each.name === name);
  if (!host) {
    const out = header.excluded.find(each => each.host === name);
    return out ? [`${plain(name)} is left out: ${plain(out.reason)}`] : null;
  }
  const jobs = jobsOf(plan, name);
  const wave = header.waves.find(each => each.name === host.wave);
  return [
    ...fields([
      ['host', name],
      ['why', whyIn(header, host)],
      ['wave', `${host.wave}${wave && wave.needs.length > 0 ? `, after ${wave.needs.join(', ')}` : ''}`],
      ['cluster', host.cluster && `${host.cluster} (${host.clusterRole ?? 'all alike'})`],
      ['importance', host.importance === 0 ? null : host.importance],
      ['on drift', host.onDrift ?? null],
      ['expected', duration(jobs.reduce((sum, job) => sum + job.expectedMs, 0))],
    ]).filter(line => !line.endsWith(' -')),
    ...header.limits
      .filter(limit => limit.hosts.includes(name))
      .map(limit => `at most ${limit.maxOut} of ${limit.hosts.length} out at once: ${plain(limit.reason)}`),
    '',
    ...table<{ job: Job; index: number }>(
      [
        { title: '#', value: ({ index }) => index + 1 },
        { title: 'JOB', value: ({ job }) => job.id },
        { title: 'WHAT', value: ({ job }) => job.name },
        { title: 'WHY', value: ({ job }) => job.reason },
        { title: 'WAITS FOR', value: ({ job }) => waitsFor(header, name, job).join('; ') },
      ],
      jobs.map((job, index) => ({ job, index })),
    ),
  ];
}

/** All that a plan says of one job; null where the host has none of the name. */
export function explainJob(plan: Plan, host: string, wanted: string): string[] | null {
  const jobs = jobsOf(plan, host);
  const index = /^\d+$/.test(wanted)
    ? Number(wanted) - 1
    : jobs.findIndex(job => job.id === wanted || job.step === wanted);
  const job = jobs[index];
  if (!job) return null;
  const before = jobs[index - 1];
  return fields([
    ['job', `${job.id} (${index + 1} of ${jobs.length} on ${host})`],
    ['what', job.name],
    ['why', job.reason],
    ['step', `${job.step} of the policy`],
    ['exactly', `${job.call.kind}: ${callText(job.call)}`],
    ['taken back by', job.undo && `${job.undo.kind}: ${callText(job.undo)}`],
    ['after', before ? `${before.id} on the same host` : 'nothing on the same host'],
    ...waitsFor(plan.header, host, job).map((text): [string, string] => ['waits for', text]),
    ...holdsUp(plan.header, host, job).map((text): [string, string] => ['holds up', text]),
    [
      'takes',
      `${duration(job.expectedMs)} as a rule, ${duration(p90Of(job))} nine times of ten, ${duration(job.timeoutMs)} at most`,
    ],
    ['starts', `not before ${moment(job.notBefore)} and not after ${moment(job.notAfter)}`],
    ['tries', `${job.retries.max + 1}${job.retries.max > 0 ? `, ${duration(job.retries.backoffMs)} apart` : ''}`],
    ['if it fails', job.onFailure],
  ]);
}

export const jobsOf = (plan: Plan, host: string): readonly Job[] =>
  plan.orders.find(({ order }) => order.host.name === host)?.order.jobs ?? [];

function whyIn(header: PlanHeader, host: PlannedHost): string {
  if (host.changes.length > 0)
    return host.changes.map(({ product, from, to }) => `${product} ${from ?? 'nothing'} -> ${to}`).join(', ');
  const others = header.hosts.filter(each => each.unit === host.unit && each.name !== host.name);
  return `nothing changes on it; it stops and starts with ${others.map(each => each.name).join(', ')}`;
}

const waitsFor = (header: PlanHeader, host: string, job: Job): string[] =>
  header.precedences
    .filter(({ after }) => after.host === host && after.job === job.id)
    .map(({ before, reason }) => `${before.job} on ${before.host}: ${reason}`);

const holdsUp = (header: PlanHeader, host: string, job: Job): string[] =>
  header.precedences
    .filter(({ before }) => before.host === host && before.job === job.id)
    .map(({ after, reason }) => `${after.job} on ${after.host}: ${reason}`);
