import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import { keyOf, type PackageBackend, type PlannedPackage } from './file-package-backend.ts';
import {
  type ChangeRequest,
  describeChanges,
  type InstalledPackage,
  OsPackageProblem,
  type PendingState,
  type VersionChange,
} from './os-package.ts';
import { list } from './os-package-problems.ts';

/* What is refused before anything changes. Pure. */

/** What is on the server, with what its manager does not remember. */
export interface FileState {
  all: InstalledPackage[];
  /** Of several versions of one package the newest. */
  byKey: ReadonlyMap<string, InstalledPackage>;
  native: string;
}

export const isWell = ({ state }: InstalledPackage): boolean => state === 'installed';

export const brokenIn = ({ all }: FileState): PendingState['broken'] =>
  all.filter(each => !isWell(each)).map(({ name, state }) => ({ name, state }));

export function checkBefore(state: FileState, open: readonly ExactPackage[], mode: ChangeRequest['mode']): void {
  const found = open.map(exact => ({ exact, installed: state.byKey.get(keyOf(exact, state.native)) }));
  const absent = found.filter(({ installed }) => !installed).map(({ exact }) => exact.name);
  if (mode === 'upgrade' && absent.length > 0)
    throw new OsPackageProblem(
      'not-installed',
      `${list(absent)} cannot be upgraded: not installed here; collect the inventory and plan again`,
      { packages: absent },
    );
  const held = found.filter(({ installed }) => installed?.held).map(({ exact }) => exact.name);
  if (held.length > 0) throw heldProblem(held);
  const own = new Set(open.map(({ name }) => name));
  const broken = brokenIn(state).filter(({ name }) => !own.has(name));
  if (broken.length > 0)
    throw new OsPackageProblem(
      'broken',
      `${list(broken.map(each => `${each.name} (${each.state})`))} was left half way by something before; ` +
        'run the step package/repair and try again',
      { broken },
    );
}

const heldProblem = (held: readonly string[]) =>
  new OsPackageProblem(
    'held',
    `${list(held)} is held on this server, so its owner wants no change of it; take the hold away or the package out of the bundle`,
    { packages: held },
  );

interface Plan {
  /** What is to come about. */
  moving: readonly ExactPackage[];
  planned: readonly PlannedPackage[];
  removals: readonly VersionChange[];
  others: ChangeRequest['others'];
}

/** What changes, and the names of those that are not listed; throws where the manager would do something else. */
export function checkPlan(
  { manager, normal }: PackageBackend,
  state: FileState,
  { moving, planned, removals, others }: Plan,
): { changes: VersionChange[]; others: string[] } {
  const changes = planned.map(each => {
    const name = keyOf(each, state.native);
    return { name, from: state.byKey.get(name)?.version ?? null, to: each.version };
  });
  const listed = new Map(moving.map(exact => [keyOf(exact, state.native), normal(exact.version)]));
  for (const [key, version] of listed) {
    const change = changes.find(each => each.name === key);
    if (change?.to === version) continue;
    throw new OsPackageProblem(
      'unavailable',
      `${manager} would not bring ${key} to ${version}${change ? ` but to ${change.to}` : ''}; look at its exclusions and locks`,
    );
  }
  if (removals.length > 0)
    throw new OsPackageProblem(
      'others',
      `${describeChanges(changes)} needs packages removed: ${describeChanges(removals)}; nothing was changed`,
      { removals },
    );
  const more = changes.filter(change => !listed.has(change.name));
  const held = more.filter(({ name }) => state.byKey.get(name)?.held).map(({ name }) => name);
  if (held.length > 0) throw heldProblem(held);
  if (more.length > 0 && others === 'refuse')
    throw new OsPackageProblem(
      'others',
      `${list([...listed.keys()])} changes others too, which are not in the order: ${describeChanges(more)}; ` +
        'nothing was changed; put them into the bundle, or allow others in the policy',
      { others: more },
    );
  return { changes, others: more.map(({ name }) => name) };
}

export function changesBetween(before: FileState, after: FileState): VersionChange[] {
  const keys = [...new Set([...before.byKey.keys(), ...after.byKey.keys()])].sort();
  return keys.flatMap(name => {
    const [from, to] = [before.byKey.get(name)?.version ?? null, after.byKey.get(name)?.version ?? null];
    return from === to ? [] : [{ name, from, to }];
  });
}
