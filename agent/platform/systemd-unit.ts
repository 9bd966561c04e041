import type { CgroupProcess } from './systemd-cgroup.ts';
import { properties } from './units.ts';

/** What systemd knows about a unit, as `systemctl show` says it. */
export interface UnitFacts {
  unit: string;
  /** `loaded`, `not-found`, `masked`, `bad-setting`, `error` */
  load: string;
  /** `active`, `inactive`, `failed`, `activating`, `deactivating`, `reloading` */
  active: string;
  /** `running`, `exited`, `stop-sigterm`, `auto-restart`, ... */
  sub: string;
  /** `simple`, `notify`, `oneshot`, ...; empty for what is no service. */
  type: string;
  /** How it ended last: `success`, `exit-code`, `timeout`, `oom-kill`, ... */
  result: string;
  /** Of its main process, where that ended by itself; else null. */
  exitStatus: number | null;
  controlGroup: string;
  invocation: string;
  /** How often systemd started it again by itself. */
  restarts: number;
  /** A job is queued or runs. */
  job: boolean;
  canReload: boolean;
  conditionsMet: boolean;
  /** How long systemd waits before it ends it by force, as systemd writes it: `1min 30s`. */
  stopTimeout: string;
  /** Units that can start it: sockets, timers, paths. */
  triggeredBy: readonly string[];
}

export const UNIT_PROPERTIES = [
  'Id',
  'LoadState',
  'ActiveState',
  'SubState',
  'Type',
  'Result',
  'ExecMainCode',
  'ExecMainStatus',
  'ControlGroup',
  'InvocationID',
  'NRestarts',
  'Job',
  'CanReload',
  'ConditionResult',
  'TimeoutStopUSec',
  'TriggeredBy',
] as const;

/** CLD_EXITED: it ended by itself, with a status. */
const ENDED_BY_ITSELF = '1';

/** Reads what `systemctl show --property=...` printed for one unit. */
export function parseUnit(unit: string, text: string): UnitFacts {
  const of = properties(text);
  return {
    unit,
    load: of('LoadState'),
    active: of('ActiveState'),
    sub: of('SubState'),
    type: of('Type'),
    result: of('Result'),
    exitStatus: of('ExecMainCode') === ENDED_BY_ITSELF ? Number(of('ExecMainStatus')) : null,
    controlGroup: of('ControlGroup'),
    invocation: of('InvocationID'),
    restarts: Number(of('NRestarts') || 0),
    job: !['', '0'].includes(of('Job')),
    canReload: of('CanReload') === 'yes',
    conditionsMet: of('ConditionResult') !== 'no',
    stopTimeout: of('TimeoutStopUSec'),
    triggeredBy: of('TriggeredBy').split(' ').filter(Boolean),
  };
}

/** `neither` has the reason in words. */
export type UnitCondition = { is: 'up' } | { is: 'down' } | { is: 'neither'; why: string };

/** Pure: whether a unit is really up or really down, by what systemd says and what is in its control group. */
export function conditionOf(unit: UnitFacts, processes: readonly CgroupProcess[]): UnitCondition {
  if (unit.load === 'not-found') return { is: 'neither', why: `there is no ${unit.unit} on this server` };
  if (unit.load === 'error' || unit.load === 'bad-setting')
    return { is: 'neither', why: `${unit.unit} cannot be loaded (${unit.load}); run systemd-analyze verify on it` };
  if (unit.active === 'active' || unit.active === 'reloading' || unit.active === 'refreshing') return { is: 'up' };
  if (unit.active !== 'inactive' && unit.active !== 'failed') return { is: 'neither', why: describeUnit(unit) };
  if (processes.length === 0) return { is: 'down' };
  return {
    is: 'neither',
    why: `${describeUnit(unit)}, but ${describeProcesses(processes)} of it ${processes.length === 1 ? 'is' : 'are'} left`,
  };
}

/** `orders.service is failed (exit-code), exit status 1`. */
export function describeUnit(unit: UnitFacts): string {
  const detail = unit.active === 'failed' ? unit.result : unit.sub;
  const status = unit.active === 'failed' && unit.exitStatus !== null ? `, exit status ${unit.exitStatus}` : '';
  return `${unit.unit} is ${unit.active} (${detail})${status}`;
}

/** systemd.time(7), as systemd itself prints spans. */
const UNIT_MS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  month: 2_629_800_000,
  y: 31_557_600_000,
};

/** Milliseconds of a span such as `1min 30s`; null of `infinity` and of what is none. */
export function spanMs(text: string): number | null {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|min|h|d|w|month|y)(?=\s|$)/g)];
  if (parts.length === 0 || parts.map(([all]) => all).join(' ') !== text) return null;
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ''] ?? 0), 0);
}

const SHOWN_PROCESSES = 4;

/** `process 12 (postgres)`, `processes 12 (postgres), 13 (postgres) and 3 more`. */
export function describeProcesses(processes: readonly CgroupProcess[]): string {
  const shown = processes.slice(0, SHOWN_PROCESSES).map(({ pid, name }) => `${pid} (${name})`);
  const more = processes.length - shown.length;
  return `${processes.length === 1 ? 'process' : 'processes'} ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
