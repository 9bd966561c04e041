import type { Host } from '../../api/contract/hosts.ts';
import type { Incident, IncidentDetail } from '../../api/contract/incidents.ts';
import type { RunHost, RunView } from '../../api/contract/runs.ts';
import { plain, plainLines } from '../output/sanitise.ts';
import { fields, table } from '../output/table.ts';
import { duration, moment } from '../output/time.ts';
import { impactLines } from './landscape-use.ts';
import { type RunViewOptions, runLines } from './run.ts';

/** A list of all packages is no line for people. */
const FACT_CHARACTERS = 400;
const shortened = (text: string): string =>
  text.length <= FACT_CHARACTERS
    ? text
    : `${text.slice(0, FACT_CHARACTERS)} ... (${text.length} characters; "-o json" has all)`;

/** Old facts say what a server was. */
const staleness = (observedAt: string | number | null): string =>
  observedAt === null ? '' : `, STALE: ${duration(Date.now() - new Date(observedAt).getTime())} old`;

export const hostDetailLines = (host: Host): string[] => [
  ...fields([
    ['host', host.name],
    ['id', host.id],
    ['state', `${host.state}, ${host.connected ? 'connected' : 'not connected'}`],
    ['last seen', moment(host.lastSeenAt)],
    ['agent', host.agentVersion],
    ['application', host.application],
    ['environment', host.environment],
    ['tags', host.tags.join(', ')],
    ['components', host.components.join(', ')],
    ['clusters', host.clusters.join(', ')],
    ['facts of', `${moment(host.factsObservedAt)}${host.factsStale ? staleness(host.factsObservedAt) : ''}`],
    ['not believed', host.factsRefused.join('; ') || null],
  ]),
  ...(host.facts === null
    ? []
    : [
        '',
        ...fields(
          Object.entries(host.facts).map(([name, value]) => [plain(name), shortened(JSON.stringify(value))] as const),
        ),
      ]),
];

/** What somebody who is called at night needs, from what has happened to what can be done. */
export const incidentDetailLines = (incident: IncidentDetail): string[] => [
  plain(`${incident.id} · ${incident.title}`),
  '',
  ...fields([
    ['state', incident.state],
    ['run', incident.run],
    ['host', incident.host],
    ['opened', moment(incident.openedAt)],
    ['taken by', incident.takenBy],
    ['resolved', moment(incident.resolvedAt)],
    ['how', incident.resolution],
    ['minutes left', incident.minutesLeft],
    ['also on', incident.alikeHosts.join(', ') || null],
    ...(incident.job
      ? ([
          ['step', incident.job.step],
          ['attempt', `${incident.job.attempt} of ${incident.job.attempts}`],
        ] as const)
      : []),
  ]),
  '',
  plain(incident.detail),
  ...section('output', incident.job?.output ? plainLines(incident.job.output).trimEnd().split('\n') : []),
  ...section(
    'peers',
    incident.peers.map(peer => plain(`${peer.host} ${peer.state}${peer.reason ? `: ${peer.reason}` : ''}`)),
  ),
  ...section('held', incident.held.map(plain)),
  ...section('no spare', incident.noSpare.map(plain)),
  ...section('stands still with it', impactLines(incident.impact)),
  ...section(
    'comments',
    incident.comments.map(({ at, by, text }) => plain(`${moment(at)} ${by}: ${text}`)),
  ),
  ...section('can be done now', incident.actions.map(plain)),
];

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', title, ...lines.map(line => `  ${line}`)];

export const incidentLines = (incident: Incident): string[] => [
  ...fields([
    ['incident', incident.id],
    ['state', incident.state],
    ['run', incident.run],
    ['host', incident.host],
    ['opened', moment(incident.openedAt)],
    ['resolved', moment(incident.resolvedAt)],
    ['what', incident.title],
  ]),
  '',
  plain(incident.detail),
];

/** A run with every job of every host. */
export const runDetailLines = (view: RunView, options: RunViewOptions): string[] => [
  ...runLines(view, options),
  ...view.hosts.flatMap(host => ['', plain(host.host), ...jobTable(host).map(line => `  ${line}`)]),
];

const jobTable = (host: RunHost): string[] =>
  table(
    [
      { title: '#', value: job => job.position + 1 },
      { title: 'JOB', value: job => job.name },
      { title: 'STATE', value: job => job.state },
      { title: 'TOOK', value: job => took(job) },
      { title: 'ATTEMPT', value: job => (job.attempt > 0 ? job.attempt : null) },
      { title: 'MESSAGE', value: job => job.message },
    ],
    host.jobs,
  );

const took = (job: { startedAt: string | null; endedAt: string | null }): string | null =>
  job.startedAt === null || job.endedAt === null ? null : duration(Date.parse(job.endedAt) - Date.parse(job.startedAt));
