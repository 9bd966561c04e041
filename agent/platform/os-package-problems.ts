import { OsPackageProblem } from './os-package.ts';

/** A package whose own script, or whose unpacking, went wrong. */
export interface PackageFailure {
  /** Of an archive its file name. */
  name: string;
  /** As the manager calls it: `postinst`, `%post`, `post_upgrade`; null where it was none of its scripts. */
  script: string | null;
  /** The manager's own sentence. */
  reason: string;
  /** The last lines that the script wrote. */
  output: string[];
}

/** As many of its last lines as say what a script did not like. */
export const OUTPUT_LINES = 5;

/** `a, b and 3 more`. */
export function list(names: readonly string[], most = 8): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

export const saysNoSpace = (text: string): boolean =>
  /No space left on device|You don't have enough free space|not enough free disk space|more space needed on the/.test(
    text,
  );

/** Which package and which of its scripts, with its last lines; null where none failed. */
export function failureProblem(failures: readonly PackageFailure[], what: string): OsPackageProblem | null {
  const [first] = failures;
  if (!first) return null;
  if (saysNoSpace(first.reason))
    return new OsPackageProblem(
      'no-space',
      `${what}: no space left while ${first.name} was unpacked; free some, then run the step package/repair`,
      { failures },
    );
  const which = first.script === null ? `${first.name} failed` : `the ${first.script} script of ${first.name} failed`;
  const words = first.output.length > 0 ? `, its last lines: ${JSON.stringify(first.output.join('\n'))}` : '';
  const more = failures.length > 1 ? `; and ${failures.length - 1} more` : '';
  return new OsPackageProblem(
    first.script === null ? 'failed' : 'script-failed',
    `${which} (${first.reason})${words}${more}; ${what}; correct what it needs and run the step package/repair, or take it back`,
    { failures },
  );
}

/** Somebody else works with the packages, for longer than was to be waited. */
export function lockedProblem(holder: { pid: number; name: string; path: string }, waitedMs: number): OsPackageProblem {
  return new OsPackageProblem(
    'locked',
    `${describeHolder(holder)} works with the packages and has ${holder.path}, and still after ` +
      `${Math.round(waitedMs / 1000)} s; nothing was changed; wait for it or end it, then try again`,
    { lock: holder.path, pid: holder.pid, process: holder.name },
  );
}

export const describeHolder = ({ pid, name }: { pid: number; name: string }): string =>
  `${name || 'another process'}${pid > 0 ? ` (process ${pid})` : ''}`;
