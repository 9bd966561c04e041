import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { Cron } from 'croner';

/** Scans that come again and again. Times in milliseconds since the epoch. */
export interface ScanSchedule {
  name: string;
  /** CEL over hosts, asked each time it is due. */
  select: string;
  /** Five fields, by the clock of `timezone`. */
  cron: string;
  /** IANA name. */
  timezone: string;
  /** Whether drift that such a scan finds opens an incident, or only shows in reports. */
  onDrift: 'report' | 'incident';
  /** The profile of its scans, by name; null for what the landscape says of each host. */
  profile: string | null;
  nextDueAt: number;
  createdBy: string;
  createdAt: number;
}

/** A scan by a schedule, or after a run, that has ended and that nobody has looked at. */
export interface JudgedScan {
  id: string;
  host: string;
  state: 'done' | 'failed';
  message: string;
  /** Of its schedule, or of the host in the run's plan; a schedule that was removed meanwhile only reports. */
  onDrift: ScanSchedule['onDrift'];
  /** The run that it came after; null where it came by a schedule. */
  run: string | null;
}

/** The shortest time between two scans of one host by one schedule: a scan of a large server takes a minute. */
const SHORTEST_MS = 5 * 60_000;
/** Times that are looked at for the shortest distance: more than a day of the densest schedule that is allowed. */
const LOOKED_AT = 300;

/**
 * When it is due next after a time. A time that the clock skips in spring comes at the moment of the change; one that it
 * shows twice in autumn comes once. The error says what cannot be read.
 */
export function nextDue(
  { cron, timezone }: Pick<ScanSchedule, 'cron' | 'timezone'>,
  afterMs: number,
): Result<number, string> {
  const parsed = parse(cron, timezone);
  if (!parsed.ok) return parsed;
  const next = parsed.value.nextRun(new Date(afterMs));
  return next ? ok(next.getTime()) : err(`"${cron}" never comes: there is no such day`);
}

/** What is wrong with a new schedule, one sentence each. */
export function scheduleProblems(schedule: Pick<ScanSchedule, 'name' | 'cron' | 'timezone'>, now: number): string[] {
  const problems: string[] = [];
  if (!/^[a-z0-9][a-z0-9._-]{0,62}$/.test(schedule.name)) {
    problems.push(`the name "${schedule.name}" must be small letters, digits, ".", "_" or "-"`);
  }
  const next = nextDue(schedule, now);
  if (!next.ok) return [...problems, next.error];
  const parsed = parse(schedule.cron, schedule.timezone);
  const times = parsed.ok ? parsed.value.nextRuns(LOOKED_AT, new Date(now)).map(time => time.getTime()) : [];
  const isTooDense = times.some((time, index) => index > 0 && time - (times[index - 1] ?? 0) < SHORTEST_MS);
  if (isTooDense) problems.push(`"${schedule.cron}" comes more often than every 5 minutes`);
  return problems;
}

const FIELDS = 5;

function parse(cron: string, timezone: string): Result<Cron, string> {
  try {
    Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch {
    return err(`there is no time zone "${timezone}": write one like Europe/Berlin or UTC`);
  }
  const fields = cron.trim().split(/\s+/).length;
  if (fields !== FIELDS) {
    return err(`"${cron}" has ${fields} fields, not minute, hour, day, month and day of the week: write "30 2 * * *"`);
  }
  try {
    return ok(new Cron(cron, { timezone, paused: true }));
  } catch (error) {
    return err(`"${cron}" cannot be read (${(error as Error).message}): write it like "30 2 * * *"`);
  }
}
