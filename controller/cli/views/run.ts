import { countsAsFailed, hasEnded } from '@tidemark/shared/orders/job-state.ts';
import type { HostRunState, RunHost, RunJob, RunView } from '../../api/contract/runs.ts';
import { noPaint, type Paint, type Tone } from '../output/colour.ts';
import { plain } from '../output/sanitise.ts';
import { duration, timeOfDay } from '../output/time.ts';
import { cut, padEnd, widthOf } from '../output/width.ts';

/** The states that need somebody to look, the worst first: what is shown above everything else. */
const PROBLEMS: readonly HostRunState[] = ['failed', 'refused', 'held', 'undoing', 'undone'];
const ENDED: ReadonlySet<HostRunState> = new Set(['succeeded', 'failed', 'undone', 'skipped', 'refused']);
const WORKING: ReadonlySet<HostRunState> = new Set(['running', 'undoing']);

const TONES: Readonly<Record<HostRunState, Tone | null>> = {
  waiting: 'quiet',
  running: 'strong',
  holding: null,
  held: 'warning',
  undoing: 'warning',
  succeeded: 'good',
  failed: 'bad',
  undone: 'bad',
  skipped: 'quiet',
  refused: 'bad',
};

/** One host in one line. */
export interface HostLine {
  host: string;
  wave: string;
  state: HostRunState;
  /** `4/9 stop web orders-web on web01`, or why nothing happens. */
  doing: string;
  elapsed: string;
  expectedEnd: string;
}

export interface RunViewOptions {
  paint?: Paint;
  columns?: number | undefined;
  /** Lines that fit on the screen; hosts that do not fit are counted. */
  rows?: number | undefined;
}

/** A run as somebody follows it at night: the sum first, then what is wrong, then one line a host. */
export function runLines(view: RunView, options: RunViewOptions = {}): string[] {
  const paint = options.paint ?? noPaint;
  const fit = (line: string) => (options.columns === undefined ? line : cut(line, options.columns));
  const problems = view.hosts.filter(host => PROBLEMS.includes(host.state));
  const head = [
    ...summaryLines(view).map(fit),
    ...(problems.length > 0 || view.openIncidents > 0
      ? [
          paint(
            'bad',
            fit(`${problemCount(problems.length, view.openIncidents)}: "tidemark get incidents" says what to do`),
          ),
        ]
      : []),
    '',
  ];
  const lines = hostTable(view, paint, fit);
  const room = options.rows === undefined ? lines.length : Math.max(3, options.rows - head.length - 1);
  if (lines.length <= room) return [...head, ...lines];
  return [...head, ...lines.slice(0, room - 1), paint('quiet', `… and ${lines.length - room + 1} hosts more`)];
}

function problemCount(hosts: number, incidents: number): string {
  const parts = [
    ...(hosts > 0 ? [`${hosts} ${hosts === 1 ? 'host needs' : 'hosts need'} a look`] : []),
    ...(incidents > 0 ? [`${incidents} open ${incidents === 1 ? 'incident' : 'incidents'}`] : []),
  ];
  return parts.join(', ');
}

/** What the whole run is at, in one or two lines. */
export function summaryLines(view: RunView): string[] {
  const now = Date.parse(view.asOf);
  const count = (...states: HostRunState[]) => view.hosts.filter(host => states.includes(host.state)).length;
  const end = Date.parse(view.endedAt ?? view.asOf);
  const parts = [
    `run ${plain(view.id)} ${plain(view.name)}: ${view.state}`,
    `${count('succeeded')} of ${view.hosts.length} hosts done`,
    ...counted(count('running', 'holding'), 'at work'),
    ...counted(count('held'), 'held'),
    ...counted(count('undoing'), 'undoing'),
    ...counted(count('failed', 'undone', 'refused'), 'failed'),
    ...counted(count('skipped'), 'skipped'),
    ...counted(count('waiting'), 'waiting'),
    `elapsed ${duration(end - Date.parse(view.startedAt))}`,
    ...(view.endedAt === null
      ? [
          `expected end ${timeOfDay(view.expectedEndAt)}`,
          `window ${windowText(Date.parse(view.window.end) - now, view.window.end)}`,
        ]
      : []),
  ];
  return [parts.join(' · '), ...(view.reason ? [plain(view.reason)] : [])];
}

const counted = (count: number, word: string): string[] => (count > 0 ? [`${count} ${word}`] : []);

const windowText = (leftMs: number, end: string): string =>
  leftMs >= 0 ? `closes ${timeOfDay(end)} (in ${duration(leftMs)})` : `closed ${duration(-leftMs)} ago`;

/** The hosts in the order in which somebody wants to see them: trouble, work, then wave by wave. */
export function hostLines(view: RunView): HostLine[] {
  const waves = new Map(view.waves.map((wave, index) => [wave.name, index]));
  const rank = (host: RunHost) => {
    const problem = PROBLEMS.indexOf(host.state);
    return problem >= 0 ? problem : PROBLEMS.length;
  };
  return [...view.hosts]
    .sort(
      (a, b) =>
        rank(a) - rank(b) ||
        (waves.get(a.wave) ?? 0) - (waves.get(b.wave) ?? 0) ||
        (a.host < b.host ? -1 : a.host > b.host ? 1 : 0),
    )
    .map(host => hostLine(host, view.asOf));
}

function hostLine(host: RunHost, asOf: string): HostLine {
  const until = Date.parse(host.endedAt ?? asOf);
  return {
    host: plain(host.host),
    wave: plain(host.wave),
    state: host.state,
    doing: plain(doing(host)),
    elapsed: host.startedAt === null ? '-' : duration(until - Date.parse(host.startedAt)),
    expectedEnd: host.endedAt === null ? timeOfDay(host.expectedEndAt) : timeOfDay(host.endedAt),
  };
}

function doing(host: RunHost): string {
  const away = host.connected || ENDED.has(host.state) ? '' : ' (its agent is not connected)';
  const job = currentJob(host);
  const forward = host.jobs.filter(one => one.direction === 'forward');
  const place = job ? `${job.position + 1}/${forward.length || host.jobs.length} ` : '';
  const again = job && job.attempt > 1 ? ` (attempt ${job.attempt})` : '';
  const why = host.reason || (job && countsAsFailed(job.state) ? job.message : '');
  if (host.state === 'waiting' || host.state === 'skipped') return `${host.reason || 'its turn has not come'}${away}`;
  if (host.state === 'succeeded') return `${forward.length} jobs done`;
  if (!job) return `${why || host.state}${away}`;
  return `${place}${job.name}${again}${why ? ` — ${why}` : ''}${away}`;
}

/** The job that says most about a host now: what runs, else what failed, else what comes next. */
export function currentJob(host: RunHost): RunJob | undefined {
  const jobs = host.jobs.filter(job => job.direction === host.direction);
  return (
    jobs.find(job => job.state === 'running') ??
    jobs.find(job => countsAsFailed(job.state)) ??
    host.jobs.find(job => countsAsFailed(job.state)) ??
    jobs.find(job => !hasEnded(job.state)) ??
    jobs.at(-1)
  );
}

function hostTable(view: RunView, paint: Paint, fit: (line: string) => string): string[] {
  const lines = hostLines(view);
  const width = (pick: (line: HostLine) => string) => Math.max(0, ...lines.map(line => widthOf(pick(line))));
  const widths = {
    host: width(line => line.host),
    wave: width(line => line.wave),
    elapsed: width(line => line.elapsed),
    state: width(line => line.state),
  };
  return lines.map(line => {
    const text = fit(
      [
        padEnd(line.host, widths.host),
        padEnd(line.wave, widths.wave),
        padEnd(line.state, widths.state),
        padEnd(line.elapsed, widths.elapsed),
        `${ENDED.has(line.state) ? 'ended' : 'ends '} ${padEnd(line.expectedEnd, 9)}`,
        line.doing,
      ].join('  '),
    );
    const tone = TONES[line.state];
    return tone === null ? text : paint(tone, text);
  });
}

/** What changed from one look to the next, for where nothing can be drawn over: each line stands for itself. */
export function changeLines(before: RunView | null, after: RunView): string[] {
  const at = timeOfDay(after.asOf);
  const known = new Map((before?.hosts ?? []).map(host => [host.host, stamp(host)]));
  const lines: string[] = [];
  if (!before || before.state !== after.state || timeless(before.reason) !== timeless(after.reason))
    lines.push(...summaryLines(after).map(line => `${at} ${line}`));
  for (const wave of after.waves) {
    const previous = before?.waves.find(one => one.name === wave.name)?.state ?? 'waiting';
    if (previous !== wave.state) lines.push(`${at} wave ${plain(wave.name)}: ${wave.state}`);
  }
  for (const host of after.hosts) {
    const previous = known.get(host.host);
    if (previous === stamp(host) || (previous === undefined && host.state === 'waiting')) continue;
    lines.push(`${at} ${plain(host.host)} ${host.state}: ${plain(doing(host))}`);
  }
  return lines;
}

/** Two looks at a host with one stamp show people the same. */
function stamp(host: RunHost): string {
  const job = currentJob(host);
  const { state, reason, connected } = host;
  return JSON.stringify([state, timeless(reason), connected, job?.position, job?.attempt, job?.direction]);
}

/** "has not been heard from for 95 s" says nothing new a second later. */
const timeless = (reason: string): string => reason.replaceAll(/\b\d+ (ms|s|min|h)\b/g, 'some time');

export const runHasEnded = (view: Pick<RunView, 'state'>): boolean =>
  view.state === 'succeeded' || view.state === 'failed' || view.state === 'stopped';

/** Whether nothing goes on until a person decides something. */
export function waitsForPerson(view: RunView): boolean {
  if (runHasEnded(view) || view.hosts.some(host => WORKING.has(host.state))) return false;
  if (view.state === 'paused') return true;
  return view.openIncidents > 0 && view.hosts.some(isUndecided);
}

/** Failed and not ended: it is silent, and nobody knows what it does until somebody resolves its incident. */
const isUndecided = ({ state, endedAt }: RunHost): boolean =>
  state === 'held' || state === 'refused' || (state === 'failed' && endedAt === null);
