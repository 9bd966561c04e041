import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import type { Call, StepArgs } from '@tidemark/shared/orders/step-kinds.ts';
import type { PackageChange } from './package-changes.ts';
import type { Candidate } from './population.ts';

/** What a job for packages has of its own; the rest is as for all jobs. */
export interface PackageDraft {
  name: string;
  reason: string;
  call: Call;
  component?: string | null;
  undo?: Call;
}

interface Settings {
  lockWait: number;
}

/**
 * Sizes are the repositories' knowledge, which the controller does not ask: this much is looked for in advance for each
 * package, and the download, before anything stops, checks what it really takes.
 */
const DOWNLOAD_GUESS_BYTES = 8_000_000;
const UNPACKED_GUESS_BYTES = 24_000_000;

/** Where room is needed, and how much. Server paths. */
export const packageSpace = (packages: readonly PackageChange[]): [string, number][] =>
  packages.length === 0
    ? []
    : [
        ['/var/cache', packages.length * DOWNLOAD_GUESS_BYTES],
        ['/usr', packages.length * UNPACKED_GUESS_BYTES],
      ];

export function refreshPackages({ view, packages }: Candidate, bundle: string, { lockWait }: Settings): PackageDraft[] {
  if (packages.length === 0) return [];
  return [
    {
      name: `refresh package lists on ${view.host.name}`,
      reason: `its repositories must offer the versions of bundle ${bundle}`,
      call: { kind: 'package/refresh', args: { lockWaitMs: lockWait } },
    },
  ];
}

export function fetchPackages(
  { view, packages }: Candidate,
  bundle: string,
  { lockWait, others }: Settings & { others: 'refuse' | 'allow' },
): PackageDraft[] {
  if (packages.length === 0) return [];
  const what = listed(packages.map(({ to }) => `${to.name} ${to.version}`));
  return [
    {
      name: `fetch ${what} on ${view.host.name}`,
      reason: `bundle ${bundle} brings them; they are fetched and checked before anything stops`,
      call: {
        kind: 'package/download',
        args: { packages: packages.map(({ to }) => to), others, back: packages.map(before), lockWaitMs: lockWait },
      },
    },
  ];
}

/** One job for all of them: they are resolved, configured and taken back together. */
export function upgradePackages(
  { view, packages }: Candidate,
  bundle: string,
  { lockWait, others, conffiles }: Settings & Pick<StepArgs<'package/upgrade'>, 'others' | 'conffiles'>,
): PackageDraft[] {
  if (packages.length === 0) return [];
  const common = { conffiles, others, lockWaitMs: lockWait };
  const components = new Set(packages.flatMap(change => change.components.map(({ name }) => name)));
  const [only] = components;
  return [
    {
      name: `upgrade ${listed(packages.map(({ from, to }) => `${to.name} ${from} -> ${to.version}`))} on ${view.host.name}`,
      component: components.size === 1 && only !== undefined ? only : null,
      reason: `bundle ${bundle} brings newer versions of ${packages.length === 1 ? 'it' : `${packages.length} packages`}`,
      call: { kind: 'package/upgrade', args: { packages: packages.map(({ to }) => to), ...common } },
      undo: { kind: 'package/upgrade', args: { packages: packages.map(before), ...common } },
    },
  ];
}

export function repairPackages({ view, packages }: Candidate, { lockWait }: Settings): PackageDraft[] {
  if (packages.length === 0) return [];
  return [
    {
      name: `finish packages that were left half way on ${view.host.name}`,
      reason: 'the policy lists it',
      call: { kind: 'package/repair', args: { lockWaitMs: lockWait } },
    },
  ];
}

export const pendingPackages = (
  { view }: Candidate,
  { held, within }: { held: 'ignore' | 'refuse'; within: number },
): PackageDraft => ({
  name: `check that packages of ${view.host.name} can be changed`,
  reason: 'the policy lists it',
  call: { kind: 'check/pending', args: { held, withinMs: within } },
});

/** As the facts say it is now: what an undo goes back to. */
const before = ({ from, to }: PackageChange): ExactPackage => ({ ...to, version: from, sha256: null });

/** A name of a job is read at a glance; all of them stand in its arguments. */
function listed(texts: readonly string[], most = 3): string {
  const shown = texts.slice(0, most).join(', ');
  return texts.length > most ? `${shown} and ${texts.length - most} more` : shown;
}
