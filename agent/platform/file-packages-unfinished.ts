import { rm } from 'node:fs/promises';
import { keyOf, type PlannedPackage } from './file-package-backend.ts';
import { fetched, fetchMissing, localFile } from './file-packages-bring.ts';
import { type FileState, isWell } from './file-packages-check.ts';
import type { FileGround } from './file-packages-ground.ts';
import { type InstalledPackage, OsPackageProblem } from './os-package.ts';
import { readUnsettled, type Unsettled, writeUnsettled } from './os-package-record.ts';
import { resolveBelow } from './server-path.ts';

/* What becomes of work that was cut off: by a power cut, a kill, a full disk. */

/** The state to begin with: what was cut off is finished first. */
export async function begin(ground: FileGround, waitMs: number): Promise<FileState> {
  const { root, backend, store, look } = ground;
  await store.prepare();
  const cutOff = readUnsettled(root).some(({ why }) => why === 'cut-off');
  if (cutOff || backend.staleMarks().length > 0) await finish(ground, waitMs);
  return look();
}

/** Sets up again what was cut off, and what a script of failed; what it said where that was in vain. */
export async function finish(ground: FileGround, waitMs: number): Promise<string> {
  const { root, backend, tool, store, say, look, whenFree } = ground;
  for (const mark of backend.lockHolder() === null ? backend.staleMarks() : []) {
    say(`${mark} was left by a process that has ended: removed`);
    await rm(resolveBelow(root, mark), { force: true });
  }
  let said = '';
  const leftovers = await backend.removeLeftovers?.(await backend.look());
  if (leftovers) said += leftovers.text;
  const state = await look();
  const open = [...state.byKey.values()].filter(each => !isWell(each));
  const planned = open.length === 0 ? [] : await againOf(ground, open);
  if (planned.length > 0) {
    await fetchMissing(ground, planned, true, waitMs);
    for (const { file, name } of planned) await store.verify(file, name, null);
    const argv = await backend.again(planned.map(({ file }) => store.path(file)));
    said += (await whenFree(waitMs, () => tool.act(argv))).text;
  }
  await settle(ground, planned, state.native, said);
  return said;
}

/** Packages that are installed, to be installed once more in the same version. */
export async function againOf(ground: FileGround, installed: readonly InstalledPackage[]): Promise<PlannedPackage[]> {
  const planned: PlannedPackage[] = [];
  for (const { name, version, architecture } of installed) {
    const exact = { name, version, architecture, sha256: null };
    const file = localFile(ground, exact);
    const found = file === null ? await ground.backend.find(exact) : fetched(exact, file);
    if (!found)
      throw new OsPackageProblem(
        'unavailable',
        `${name} ${version} is not set up to its end, and no repository has it any more: bring another version`,
        { packages: [name] },
      );
    planned.push(found);
  }
  return planned;
}

/** What is recorded afterwards of the packages that were to be set up. */
export async function settle(
  { root, backend }: FileGround,
  planned: readonly PlannedPackage[],
  native: string,
  said: string,
): Promise<void> {
  const failed = new Set(backend.failures(said).map(({ name }) => name));
  const now = new Map((await backend.look()).all.map(each => [keyOf(each, native), each.version]));
  const own = new Set(planned.map(each => keyOf(each, native)));
  const before = readUnsettled(root).filter(({ key, version }) => !own.has(key) && now.get(key) === version);
  const left = planned
    .filter(({ name }) => failed.has(name))
    .map((each): Unsettled => ({ key: keyOf(each, native), version: each.version, why: 'script-failed' }))
    .filter(({ key, version }) => now.get(key) === version);
  await writeUnsettled(root, [...before, ...left]);
}
