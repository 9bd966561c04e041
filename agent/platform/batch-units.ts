import { readdirSync, readFileSync } from 'node:fs';
import type { CommandPlace } from './command.ts';
import { firstWords, listUnits, properties, systemctl, unitStates } from './units.ts';

export interface BatchSelection {
  cron: boolean;
  at: boolean;
  timers: 'all' | readonly string[];
  except: readonly string[];
}

/** As Debian, Red Hat, Arch and SUSE call them. */
export const CRON_UNITS = [
  'cron.service',
  'crond.service',
  'cronie.service',
  'fcron.service',
  'anacron.service',
  'anacron.timer',
];
export const AT_UNITS = ['atd.service'];

/**
 * The units that start work by themselves at some time. Timers count where they are in memory and where they would be
 * after the next boot; what is masked cannot start anything.
 */
export async function batchUnits(selection: BatchSelection, place: CommandPlace): Promise<string[]> {
  const named = [
    ...(selection.cron ? CRON_UNITS : []),
    ...(selection.at ? AT_UNITS : []),
    ...(selection.timers === 'all' ? await allTimers(place) : selection.timers),
  ].filter(unit => !selection.except.includes(unit));
  const states = await unitStates([...new Set(named)], place);
  const missing = states.filter(({ unit, load }) => load === 'not-found' && selection.timers.includes(unit));
  if (missing.length > 0) throw new Error(`there is no ${missing.map(({ unit }) => unit).join(', ')} on this server`);
  return states.filter(({ load }) => load === 'loaded').map(({ unit }) => unit);
}

async function allTimers(place: CommandPlace): Promise<string[]> {
  const loaded = await listUnits({ types: 'timer' }, place);
  const files = await systemctl(
    ['list-unit-files', '--type=timer', '--state=enabled,enabled-runtime', '--no-legend', '--no-pager', '--full'],
    place,
  );
  // A template has no instance of its own: those that run are in memory.
  return [...loaded, ...firstWords(files).filter(unit => !unit.includes('@.'))];
}

/** Work that one of these units has started and that has not ended: `backup.service (pid 4711)`, for people. */
export async function runningWork(units: readonly string[], place: CommandPlace): Promise<string[]> {
  const running: string[] = [];
  for (const unit of units.filter(each => each.endsWith('.timer'))) {
    const service = properties(await systemctl(['show', '--property=Unit', '--', unit], place))('Unit');
    if (service === '') continue;
    const [state] = await unitStates([service], place);
    // A service that stays active after its work was done is not work.
    const busy = state?.active === 'activating' || (state?.active === 'active' && state.sub !== 'exited');
    if (busy) running.push(service);
  }
  const services = units.filter(each => each.endsWith('.service'));
  return [...running, ...processesOf(services)];
}

/** Stopping cron leaves what it has started in its control group, with no unit that says so. */
function processesOf(services: readonly string[]): string[] {
  return readdirSync('/proc').flatMap(pid => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const service = serviceIn(readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
      if (service === null || !services.includes(service)) return [];
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
      return [`${words.slice(0, 100) || service} (process ${pid} of ${service})`];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}

/** The service of systemd's own hierarchy (version 1: named systemd; version 2: without a name). */
export function serviceIn(cgroup: string): string | null {
  const line = cgroup.split('\n').find(each => /^\d+:(name=systemd)?:/.test(each));
  return line?.split('/').findLast(part => part.endsWith('.service')) ?? null;
}
