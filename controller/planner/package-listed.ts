import { type BundlePackage, familyOf, PackageVersion } from '@tidemark/shared/orders/kinds/package.ts';
import type { Call } from '@tidemark/shared/orders/step-kinds.ts';
import { familyOfManager } from '@tidemark/shared/versions/package-family.ts';
import { listed } from './fleet-view.ts';
import { exactly, installedVersion, packagesFact } from './package-changes.ts';
import type { PackageDraft } from './package-jobs.ts';
import type { Candidate } from './population.ts';

/* Steps for packages that a policy lists with names of its own; a bundle has no say in them. */

/** As the facts have it; null where they say nothing of packages. */
const knownOn = ({ facts }: Candidate) => packagesFact(facts);

/** Names that are installed there. */
function present(candidate: Candidate, names: readonly string[]): string[] {
  const known = knownOn(candidate);
  return names.filter(name => known?.installed.has(name));
}

export function markPackages(
  candidate: Candidate,
  as: 'hold' | 'unhold',
  { names }: { names: readonly string[] },
): PackageDraft[] {
  const known = knownOn(candidate);
  const open = present(candidate, names).filter(name => known?.held.includes(name) !== (as === 'hold'));
  if (open.length === 0) return [];
  return [
    {
      name: `${as} ${listed(open)} on ${candidate.view.host.name}`,
      reason: 'the policy lists it',
      call: { kind: `package/${as}`, args: { names: open } },
      undo: { kind: as === 'hold' ? 'package/unhold' : 'package/hold', args: { names: open } },
    },
  ];
}

type Change = Extract<Call, { kind: 'package/install' }>['args'];

/** Those of the server's own family that are not there in any version; what is there, a bundle changes. */
export function installPackages(
  candidate: Candidate,
  {
    packages,
    lockWait,
    ...rest
  }: { packages: readonly BundlePackage[]; lockWait: number } & Pick<Change, 'conffiles' | 'others'>,
): PackageDraft[] {
  const known = knownOn(candidate);
  const family = known && familyOfManager(known.manager);
  const absent = packages
    .filter(each => familyOf(each) === family)
    .map(exactly)
    .filter(each => known !== null && installedVersion(known.installed, each) === null);
  if (absent.length === 0) return [];
  const names = absent.map(({ name }) => name);
  return [
    {
      name: `install ${listed(absent.map(({ name, version }) => `${name} ${version}`))} on ${candidate.view.host.name}`,
      reason: 'the policy lists it, and it is not there',
      call: { kind: 'package/install', args: { packages: absent, lockWaitMs: lockWait, ...rest } },
      undo: { kind: 'package/remove', args: { names, others: 'refuse', lockWaitMs: lockWait } },
    },
  ];
}

/** Taken back by the version that the facts say. */
export function removePackages(
  candidate: Candidate,
  { names, others, lockWait }: { names: readonly string[]; others: 'refuse' | 'allow'; lockWait: number },
): PackageDraft[] {
  const installed = knownOn(candidate)?.installed;
  const there = present(candidate, names).filter(name => PackageVersion.safeParse(installed?.get(name)).success);
  if (there.length === 0) return [];
  const packages = there.map(name => ({ name, version: installed?.get(name) ?? '', architecture: null, sha256: null }));
  return [
    {
      name: `remove ${listed(there)} from ${candidate.view.host.name}`,
      reason: 'the policy lists it',
      call: { kind: 'package/remove', args: { names: there, others, lockWaitMs: lockWait } },
      undo: { kind: 'package/install', args: { packages, conffiles: 'keep', others: 'refuse', lockWaitMs: lockWait } },
    },
  ];
}
