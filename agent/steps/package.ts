import type { StepArgs } from '@tidemark/shared/orders/step-kinds.ts';
import { showBytes } from '../platform/file-system.ts';
import { type ChangeOutcome, describeChanges, OsPackageProblem, type OsPackages } from '../platform/os-package.ts';
import { findOsPackages, KNOWN_MANAGERS } from '../platform/os-packages-of.ts';
import { type Executor, report, type StepContext, StepFailed, type StepReport } from './executor.ts';

export const packageRefresh: Executor<'package/refresh'> = (args, context) =>
  withPackages(context, async packages => {
    await packages.refresh(args);
    return report("the repositories' lists are fresh", { manager: packages.manager });
  });

export const packageDownload: Executor<'package/download'> = (args, context) =>
  withPackages(context, async packages => {
    const done = await packages.download({ ...args, mode: 'upgrade' });
    const fetched =
      done.changes.length === 0
        ? 'nothing to fetch: all is so already'
        : `ready: ${describeChanges(done.changes)} (${showBytes(done.downloadBytes)} fetched)`;
    const back =
      done.noWayBack.length > 0
        ? `; no repository has ${done.noWayBack.join(', ')} any more, so that it cannot be taken back`
        : '';
    return report(`${fetched}${back}`, { ...done });
  });

export const packageUpgrade: Executor<'package/upgrade'> = (args, context) => change(args, 'upgrade', context);
export const packageInstall: Executor<'package/install'> = (args, context) => change(args, 'install', context);

export const packageRemove: Executor<'package/remove'> = (args, context) =>
  withPackages(context, async packages => {
    const changes = await packages.remove(args);
    return report(changes.length > 0 ? describeChanges(changes) : 'nothing of it was installed', { changes });
  });

export const packageHold: Executor<'package/hold'> = ({ names }, context) =>
  withPackages(context, async packages => {
    const held = await packages.hold(names);
    return report(held.length > 0 ? `${held.join(', ')} is held` : 'all were held already', { changed: held });
  });

export const packageUnhold: Executor<'package/unhold'> = ({ names }, context) =>
  withPackages(context, async packages => {
    const freed = await packages.unhold(names);
    return report(freed.length > 0 ? `${freed.join(', ')} is not held any more` : 'none was held', { changed: freed });
  });

export const packageRepair: Executor<'package/repair'> = (args, context) =>
  withPackages(context, async packages => {
    const repaired = await packages.repair(args);
    const what = repaired.length > 0 ? `${repaired.join(', ')} is well again` : 'nothing was left half way';
    return report(what, { repaired });
  });

function change(
  args: StepArgs<'package/upgrade'>,
  mode: 'upgrade' | 'install',
  context: StepContext,
): Promise<StepReport> {
  return withPackages(context, async packages => {
    const done = await packages.change({ ...args, mode });
    return report(describeOutcome(done), { ...done });
  });
}

function describeOutcome({ changes, unchanged, conffiles }: ChangeOutcome): string {
  const parts = [
    changes.length > 0 ? describeChanges(changes) : null,
    unchanged.length > 0 ? `${unchanged.length} so already` : null,
    ...conffiles.map(({ path, kept, other }) => {
      const where = other === null ? '' : `; the ${kept ? "package's" : 'one before'} is ${other}`;
      return kept ? `${path} was changed on this server and stays${where}` : `${path} is the package's now${where}`;
    }),
  ];
  return parts.filter(part => part !== null).join('; ') || 'nothing to change';
}

/** What the server's own package manager says or does; its problems are the step's. */
export async function withPackages(
  context: StepContext,
  work: (packages: OsPackages) => Promise<StepReport>,
): Promise<StepReport> {
  const packages = findOsPackages(context.place, context.clock);
  if (!packages)
    throw new StepFailed(
      `no package manager that is known here looks after ${context.root}; known are ${KNOWN_MANAGERS}. Take this server out of the plan`,
    );
  try {
    return await work(packages);
  } catch (error) {
    if (error instanceof OsPackageProblem) throw new StepFailed(error.message, error.facts);
    throw error;
  }
}
