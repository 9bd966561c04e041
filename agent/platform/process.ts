import { readFileSync } from 'node:fs';

/**
 * Which process, so that nobody else is taken for it: a pid is given again, a pid with its start time in one boot is
 * not.
 */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks after boot, field 22 of /proc/<pid>/stat. */
  startTicks: number;
  bootId: string;
}

/** USER_HZ: 100 on every architecture that Linux has (kernel, include/asm-generic/param.h). */
const TICKS_PER_SECOND = 100;

/** Changes with every boot. */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** Null where there is no such process, or only what is left of it (a zombie). */
export function identify(pid: number): ProcessIdentity | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  // The name, in parentheses, may hold anything, also ") R 1": what counts begins after the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const startTicks = Number(fields[19]);
  if (state === 'Z' || state === 'X' || !Number.isSafeInteger(startTicks)) return null;
  return { pid, startTicks, bootId: readBootId() };
}

export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now !== null && now.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

/** How long it runs, by a clock that never jumps. */
export function ageMs(identity: ProcessIdentity): number {
  const uptimeSeconds = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
  return Math.max(0, (uptimeSeconds - identity.startTicks / TICKS_PER_SECOND) * 1000);
}

/** Ends the whole process group that this process leads; false where it is gone already. */
export function killGroup(leader: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(leader)) return false;
  try {
    process.kill(-leader.pid, signal);
    return true;
  } catch {
    return false;
  }
}
