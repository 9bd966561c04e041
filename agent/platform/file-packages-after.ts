import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import { describeEnd } from './command.ts';
import { keyOf, type PackageBackend } from './file-package-backend.ts';
import { brokenIn, type FileState, isWell } from './file-packages-check.ts';
import { type ChangeRequest, type ConffileReport, OsPackageProblem } from './os-package.ts';
import { failureProblem, list, saysNoSpace } from './os-package-problems.ts';
import type { ToolEnd } from './os-package-tool.ts';
import { resolveBelow } from './server-path.ts';

/* What is looked at when a manager has ended. */

interface Ended {
  ends: readonly ToolEnd[];
  after: FileState;
  /** What was to come about. */
  packages: readonly ExactPackage[];
  /** By all of them together. */
  said: string;
}

/** These managers cannot be told whose configuration is to stay: where they decided otherwise, the two files change places. */
export async function settleConffiles(
  backend: PackageBackend,
  root: string,
  said: string,
  wish: ChangeRequest['conffiles'],
): Promise<ConffileReport[]> {
  const reports: ConffileReport[] = [];
  for (const { path, other, kept } of backend.conffiles(said)) {
    const keep = wish === 'keep';
    if (kept === keep || !existsSync(resolveBelow(root, other))) {
      reports.push({ path, kept, other });
      continue;
    }
    const beside = path + (keep ? backend.endings.fresh : backend.endings.old);
    await rename(resolveBelow(root, path), resolveBelow(root, beside));
    await rename(resolveBelow(root, other), resolveBelow(root, path));
    reports.push({ path, kept: keep, other: beside });
  }
  return reports;
}

/** What the manager says counts less than what is there. */
export function checkAfter(backend: PackageBackend, { ends, after, packages, said }: Ended): void {
  const wrong = packages.flatMap(exact => {
    const own = after.all.filter(each => keyOf(each, after.native) === keyOf(exact, after.native));
    const found = own.find(each => each.version === backend.normal(exact.version)) ?? own.at(-1);
    if (!found) return [`${exact.name} is not there`];
    if (found.version !== backend.normal(exact.version)) return [`${exact.name} is still ${found.version}`];
    return isWell(found) ? [] : [`${exact.name} is ${found.version} and ${found.state}`];
  });
  const broken = brokenIn(after).map(({ name, state }) => `${name} is ${state}`);
  const failed = ends.find(end => !backend.succeeded(end));
  if (wrong.length === 0 && broken.length === 0 && !failed) return;
  const what = list(wrong.length > 0 ? wrong : broken, 4) || `${backend.manager} failed`;
  throw problemOf(backend, { ...(failed ?? (ends[0] as ToolEnd)), text: said }, what);
}

/** Why it ended as it did, in our words. */
export function problemOf(backend: PackageBackend, end: ToolEnd, what: string): OsPackageProblem {
  const failure = failureProblem(backend.failures(end.text), what);
  if (failure) return failure;
  if (saysNoSpace(end.text))
    return new OsPackageProblem('no-space', `${what}: the disk is full; free some, then run the step package/repair`);
  return new OsPackageProblem('failed', `${what}: ${backend.errors(end.text) || describeEnd(end)}; see its state`);
}
