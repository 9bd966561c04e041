import { readFileSync } from 'node:fs';

/**
 * When a process started, in clock ticks since boot: with its id it means one process for ever, since ids are used
 * again. Null where there is none (or it has ended and waits to be collected).
 */
export function startTicks(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name before it is in parentheses and may hold anything; proc(5) counts state as field 3, start time as 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}
