import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What is packaged; the same release gives the same bytes. */
export interface Release {
  version: string;
  /** The first twelve digits of the commit, with `-changed` where the clone is not at it. */
  commit: string;
  /** The commit's: whatever has a time in a package has this one, as seconds since 1970. */
  timeS: number;
}

/** `1.2.0`, `1.3.0-rc.1`: what dpkg, rpm and semver can all be told. */
const VERSION = /^\d+\.\d+\.\d+(-[a-z]+\.\d+)?$/;

/** Reads it from the clone; `version` in place of the one in package.json. Throws where it is none. */
export function readRelease(root: string, version?: string): Release {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  const { version: own } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const chosen = version ?? own;
  if (!VERSION.test(chosen)) throw new Error(`"${chosen}" is no version; write 1.2.0 or 1.3.0-rc.1`);
  const changed = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '-changed';
  return {
    version: chosen,
    commit: `${git('rev-parse', 'HEAD').slice(0, 12)}${changed}`,
    timeS: Number(git('log', '-1', '--format=%ct')),
  };
}
