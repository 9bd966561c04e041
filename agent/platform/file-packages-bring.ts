import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import type { PackageBackend, PlannedPackage } from './file-package-backend.ts';
import type { FilePackageStore } from './file-package-store.ts';
import { problemOf } from './file-packages-after.ts';
import type { FileGround } from './file-packages-ground.ts';
import { list } from './os-package-problems.ts';
import { DOWNLOADS } from './os-package-space.ts';

/* Files of packages: fetched where they are not there, and compared with what they must be. */

/** The file of a package that was fetched before; null where there is none. */
export const localFile = (
  { store, backend }: { store: FilePackageStore; backend: PackageBackend },
  exact: ExactPackage,
): string | null => store.names().find(file => backend.isFileOf(file, exact)) ?? null;

/** What is there already needs nothing to fetch it by. */
export const fetched = ({ name, version, architecture }: ExactPackage, file: string): PlannedPackage => ({
  ...{ name, version, file, architecture: architecture ?? '', spec: '' },
  ...{ downloadBytes: 0, unpackedBytes: 0 },
});

/** `again`: packages that are installed in this very version. */
export async function fetchMissing(
  { backend, store, whenFree }: FileGround,
  planned: readonly PlannedPackage[],
  again: boolean,
  waitMs: number,
): Promise<void> {
  const missing = planned.filter(({ file }) => !store.has(file));
  if (missing.length === 0) return;
  const end = await whenFree(waitMs, () => backend.fetch(missing, DOWNLOADS, again));
  if (!backend.succeeded(end))
    throw problemOf(
      backend,
      end,
      `${list(missing.map(({ name, version }) => `${name} ${version}`))} could not be fetched`,
    );
  for (const { file } of missing) await store.took(file);
}

/** Fetches what is not there and compares all of it with what it must be. */
export async function bring(
  ground: FileGround,
  { planned, again }: Record<'planned' | 'again', readonly PlannedPackage[]>,
  packages: readonly ExactPackage[],
  waitMs: number,
): Promise<void> {
  const { backend, store } = ground;
  await fetchMissing(
    ground,
    planned.filter(each => !again.includes(each)),
    false,
    waitMs,
  );
  await fetchMissing(ground, again, true, waitMs);
  for (const { name, version, file } of planned) {
    const ordered = packages.find(each => each.name === name && backend.normal(each.version) === version);
    await store.verify(file, `${name} ${version}`, ordered?.sha256 ?? null);
  }
}
