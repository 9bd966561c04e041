import { existsSync } from 'node:fs';
import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import { parseConffiles, parseErrors, parseFailures, saysInterrupted } from './apt-output.ts';
import { cannotBeginWith } from './apt-resolve.ts';
import { type AptState, brokenIn, isWell, keyOf } from './apt-state.ts';
import { describeEnd } from './command.ts';
import { type ConffileReport, OsPackageProblem, type VersionChange } from './os-package.ts';
import { failureProblem, list, saysNoSpace } from './os-package-problems.ts';
import type { ToolEnd } from './os-package-tool.ts';
import { resolveBelow } from './server-path.ts';

/* What is looked at when apt has ended. */

/** What apt says counts less than what is there. */
export function checkAfter(end: ToolEnd, after: AptState, packages: readonly ExactPackage[], said: string): void {
  const wrong = packages.flatMap(exact => {
    const found = after.byKey.get(keyOf(exact, after.native));
    if (found?.version === exact.version && isWell(found)) return [];
    if (!found) return [`${exact.name} is not there`];
    return [
      isWell(found)
        ? `${exact.name} is still ${found.version}`
        : `${exact.name} is ${found.version} and ${found.state}`,
    ];
  });
  const broken = brokenIn(after);
  if (wrong.length === 0 && broken.length === 0 && end.status === 0) return;
  const now =
    wrong.length > 0
      ? list(wrong, 4)
      : list(
          broken.map(({ name, state }) => `${name} is ${state}`),
          4,
        );
  throw problemOf({ ...end, text: said }, now === '' ? 'apt failed' : now, 'repair it or take it back');
}

export function problemOf(end: ToolEnd, what: string, next: string): OsPackageProblem {
  const failure = failureOf(end.text, what);
  if (failure) return failure;
  if (saysNoSpace(end.text))
    return new OsPackageProblem('no-space', `${what}: the disk is full; free some, then run the step package/repair`);
  if (saysInterrupted(end.text))
    return new OsPackageProblem('broken', `${what}: dpkg was interrupted before; run the step package/repair`);
  const missing = cannotBeginWith(end);
  if (missing.code === 'unavailable') return missing;
  return new OsPackageProblem('failed', `${what}: ${parseErrors(end.text) || describeEnd(end)}; ${next}`);
}

export const failureOf = (text: string, what: string) => failureProblem(parseFailures(text), what);

export function changesBetween(before: AptState, after: AptState): VersionChange[] {
  const keys = [...new Set([...before.byKey.keys(), ...after.byKey.keys()])].sort();
  return keys.flatMap(name => {
    const [from, to] = [before.byKey.get(name)?.version ?? null, after.byKey.get(name)?.version ?? null];
    return from === to ? [] : [{ name, from, to }];
  });
}

/** What became of configuration that was changed on the server, and where the other form of it lies. */
export function conffilesIn(text: string, root: string): ConffileReport[] {
  return parseConffiles(text).map(({ path, kept }) => {
    const other = `${path}.${kept ? 'dpkg-dist' : 'dpkg-old'}`;
    return { path, kept, other: existsSync(resolveBelow(root, other)) ? other : null };
  });
}
