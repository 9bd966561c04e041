import type { SectionContent } from '@tidemark/shared/inventory/kinds.ts';
import type { CommandPlace } from '../platform/command.ts';
import { findTool } from '../platform/tools.ts';
import { properties, systemctl } from '../platform/units.ts';
import { withoutSecrets } from './redact.ts';
import type { ServerFiles } from './server-files.ts';

/* What begins by itself: cron's jobs and systemd's timers. */

type CronJobs = SectionContent<'cronJobs'>;
type Timers = SectionContent<'timers'>;

const MAX_JOBS = 2_048;
/** Of Debian and SUSE; of Red Hat, Arch and Alpine. */
const USER_TABLES = ['/var/spool/cron/crontabs', '/var/spool/cron/tabs', '/var/spool/cron', '/etc/crontabs'];
const PERIODS = ['hourly', 'daily', 'weekly', 'monthly'];

export function collectCronJobs(files: ServerFiles): CronJobs {
  const system = ['/etc/crontab', ...files.names('/etc/cron.d').map(name => `/etc/cron.d/${name}`)];
  const tables = USER_TABLES.flatMap(directory =>
    files
      .names(directory)
      .filter(user => files.stat(`${directory}/${user}`)?.isDirectory === false)
      .map(user => ({ source: `${directory}/${user}`, user })),
  );
  const scripts = PERIODS.flatMap(period =>
    files
      .names(`/etc/cron.${period}`)
      .filter(name => !name.startsWith('.'))
      .map(name => {
        const source = `/etc/cron.${period}/${name}`;
        return { source, user: 'root', schedule: `@${period}`, command: source };
      }),
  );
  return [
    ...system.flatMap(source => parseCrontab(files.text(source), source, null)),
    ...tables.flatMap(({ source, user }) => parseCrontab(files.text(source), source, user)),
    ...scripts,
  ].slice(0, MAX_JOBS);
}

/** Pure: reads crontab(5). The tables of the system name the user on each line. */
export function parseCrontab(text: string, source: string, owner: string | null): CronJobs {
  return text.split('\n').flatMap((line): CronJobs => {
    const job = line.trim();
    if (job === '' || job.startsWith('#') || /^\w+\s*=/.test(job)) return [];
    const found = /^(@\w+|(?:\S+\s+){4}\S+)\s+(.*)$/.exec(job);
    if (!found?.[1] || !found[2]) return [];
    const [, schedule, rest] = found;
    const [, user = '', command = ''] = owner === null ? (/^(\S+)\s+(.*)$/.exec(rest) ?? []) : ['', owner, rest];
    if (command === '') return [];
    return [
      {
        ...{ source, user: user.slice(0, 256), schedule: schedule.replace(/\s+/g, ' ').slice(0, 256) },
        command: withoutSecrets(command).slice(0, 4_096),
      },
    ];
  });
}

const TIMER = ['Id', 'Unit', 'ActiveState', 'TimersCalendar', 'TimersMonotonic'];

/** Null where there is no systemd to ask. */
export async function collectTimers(place: CommandPlace, errors: string[]): Promise<Timers | null> {
  if (findTool(place.root, 'systemctl') === null) return null;
  try {
    return parseTimers(await systemctl(['show', '*.timer', '--all', `--property=${TIMER.join(',')}`], place));
  } catch (error) {
    errors.push(`timers: ${(error as Error).message}`);
    return null;
  }
}

/** Pure: when it runs next changes with every run, and is left out. */
export function parseTimers(text: string): Timers {
  return text
    .trim()
    .split(/\n\n+/)
    .flatMap(block => {
      const of = properties(block);
      if (of('Id') === '') return [];
      const schedule = [...block.matchAll(/^Timers(?:Calendar|Monotonic)=\{ (.*?) ;/gm)].map(([, rule = '']) => rule);
      return [
        { unit: of('Id'), activates: of('Unit'), schedule: schedule.sort(), active: of('ActiveState') === 'active' },
      ];
    })
    .sort((a, b) => (a.unit < b.unit ? -1 : 1))
    .slice(0, 1_024);
}
