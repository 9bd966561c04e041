import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { CommandPlace } from './command.ts';
import { keyOf, type PackageBackend, type PlannedPackage } from './file-package-backend.ts';
import { checkAfter, problemOf, settleConffiles } from './file-packages-after.ts';
import { bring, fetched, fetchMissing, localFile } from './file-packages-bring.ts';
import { brokenIn, changesBetween } from './file-packages-check.ts';
import { createFileCleaning } from './file-packages-cleaning.ts';
import { createFileGround } from './file-packages-ground.ts';
import { resolveWish } from './file-packages-resolve.ts';
import { begin, finish, settle } from './file-packages-unfinished.ts';
import { describeChanges, OsPackageProblem, type OsPackages } from './os-package.ts';
import { failureProblem, list } from './os-package-problems.ts';
import { readUnsettled, type Unsettled, writeUnsettled } from './os-package-record.ts';
import { checkSpace } from './os-package-space.ts';
import type { Tool, ToolEnd } from './os-package-tool.ts';

/** Packages by a manager that installs from files. What is fetched is verified, and then nothing but that is installed. */
export function createFilePackages(backend: PackageBackend, tool: Tool, place: CommandPlace, clock: Clock): OsPackages {
  const ground = createFileGround(backend, tool, place, clock);
  const { root, store, look, whenFree } = ground;
  const pathsOf = (planned: readonly PlannedPackage[]) => planned.map(({ file }) => store.path(file));

  return {
    manager: backend.manager,
    installed: async () => (await look()).all,
    updates: () => backend.updates(),

    async pending() {
      const state = await look();
      const lock = backend.lockHolder();
      return {
        interrupted:
          (lock === null && backend.staleMarks().length > 0) ||
          readUnsettled(root).some(({ why }) => why === 'cut-off'),
        broken: brokenIn(state),
        lockedBy: lock && { pid: lock.pid, name: lock.name },
      };
    },

    async refresh({ lockWaitMs }) {
      const end = await whenFree(lockWaitMs, () => tool.act(backend.refresh()));
      const failures = backend.refreshProblems(end);
      if (failures.length === 0) return;
      throw new OsPackageProblem(
        'refresh-failed',
        `the repositories' lists could not be fetched: ${list(failures, 3)}; ` +
          'see that this server reaches them and has their keys, and try again',
        { failures: failures.slice(0, 10) },
      );
    },

    async need(request) {
      const state = await look();
      const { planned, changes, downloadBytes, unpackedBytes } = await resolveWish(ground, state, request);
      const sizes = planned.map(each => [keyOf(each, state.native), pick(each)] as const);
      return { changes, sizes: new Map(sizes), downloadBytes, unpackedBytes };
    },

    async removal(names) {
      const { byKey } = await look();
      const there = names.filter(name => byKey.has(name));
      return there.length === 0 ? [] : backend.resolveRemoval(there);
    },

    changedConffiles: async names => (names.length === 0 ? [] : backend.changedConffiles(names)),
    filesOf: async names =>
      names.length === 0 ? [] : (await backend.filesOf(names)).filter(each => each.startsWith('/')),

    async download({ back, ...request }) {
      const state = await begin(ground, request.lockWaitMs);
      const resolved = await resolveWish(ground, state, request);
      const ways: PlannedPackage[] = [];
      const noWayBack: string[] = [];
      for (const exact of back) {
        const here = state.byKey.get(keyOf(exact, state.native))?.version === backend.normal(exact.version);
        const file = localFile(ground, exact);
        const found = here && file === null ? await backend.find(exact) : null;
        if (found) ways.push(found);
        else if (file === null) noWayBack.push(`${exact.name} ${exact.version}`);
        if (file !== null) ways.push(fetched(exact, file));
      }
      await store.keepOnly([...resolved.planned, ...ways].map(({ file }) => file));
      checkSpace(root, resolved, backend.databaseDirectory);
      await bring(ground, resolved, request.packages, request.lockWaitMs);
      await fetchMissing(ground, ways, true, request.lockWaitMs);
      const { changes, downloadBytes, unpackedBytes } = resolved;
      return { changes, downloadBytes, unpackedBytes, noWayBack };
    },

    async change(request) {
      const state = await begin(ground, request.lockWaitMs);
      const resolved = await resolveWish(ground, state, request);
      const { planned, again, others, unchanged } = resolved;
      if (planned.length === 0) return { changes: [], others: [], unchanged, conffiles: [] };
      checkSpace(root, resolved, backend.databaseDirectory);
      await bring(ground, resolved, request.packages, request.lockWaitMs);
      const cutOff = planned.map((each): Unsettled => {
        return { key: keyOf(each, state.native), version: each.version, why: 'cut-off' };
      });
      const keys = new Set(cutOff.map(({ key }) => key));
      await writeUnsettled(root, [...readUnsettled(root).filter(({ key }) => !keys.has(key)), ...cutOff]);
      const moving = planned.filter(each => !again.includes(each));
      const putRight = await backend.beforeChange?.();
      const ends: ToolEnd[] = [];
      for (const [some, how] of [
        [moving, backend.apply],
        [again, backend.again],
      ] as const) {
        if (some.length === 0) continue;
        const argv = await how(pathsOf(some));
        ends.push(await whenFree(request.lockWaitMs, () => tool.act(argv)));
      }
      await putRight?.();
      const said = ends.map(({ text }) => text).join('');
      await settle(ground, planned, state.native, said);
      const conffiles = await settleConffiles(backend, root, said, request.conffiles);
      const after = await look();
      checkAfter(backend, { ends, after, packages: request.packages, said });
      return { changes: changesBetween(state, after), others, unchanged, conffiles };
    },

    async remove(request) {
      const before = await begin(ground, request.lockWaitMs);
      const names = request.names.filter(name => before.byKey.has(name));
      if (names.length === 0) return [];
      const more = (await backend.resolveRemoval(names)).filter(({ name }) => !names.includes(name));
      if (more.length > 0 && request.others === 'refuse')
        throw new OsPackageProblem(
          'others',
          `${list(names)} cannot be removed alone: ${describeChanges(more)} would go with it; nothing was changed`,
          { others: more },
        );
      const end = await whenFree(request.lockWaitMs, () => tool.act(backend.remove(names)));
      await settle(ground, [], before.native, '');
      const after = await look();
      const left = names.filter(name => after.byKey.has(name));
      if (!backend.succeeded(end) || left.length > 0)
        throw problemOf(backend, end, `${list(left.length > 0 ? left : names)} could not be removed`);
      return changesBetween(before, after);
    },

    cleaning: createFileCleaning({ backend, tool, whenFree, look }),

    hold: names => mark('hold', names),
    unhold: names => mark('unhold', names),

    async repair({ lockWaitMs }) {
      await store.prepare();
      const before = brokenIn(await look());
      const said = await finish(ground, lockWaitMs);
      const left = brokenIn(await look());
      if (left.length === 0) return before.map(({ name }) => name);
      const what = `${list(left.map(each => `${each.name} (${each.state})`))} is still not well`;
      throw (
        failureProblem(backend.failures(said), what) ??
        new OsPackageProblem('broken', `${what}: ${backend.errors(said)}; repair it by hand`)
      );
    },
  };

  async function mark(as: 'hold' | 'unhold', names: readonly string[]): Promise<string[]> {
    const state = await look();
    const unknown = names.filter(name => !state.byKey.has(name));
    if (unknown.length > 0)
      throw new OsPackageProblem('not-installed', `${list(unknown)} cannot be changed: not installed here`);
    const open = names.filter(name => state.byKey.get(name)?.held !== (as === 'hold'));
    if (open.length === 0) return [];
    const end = await backend.mark(as, open);
    const after = await look();
    const left = open.filter(name => after.byKey.get(name)?.held !== (as === 'hold'));
    if (left.length > 0) throw problemOf(backend, end, `${list(left)}: its hold could not be changed`);
    return open;
  }
}

const pick = ({ downloadBytes, unpackedBytes }: PlannedPackage) => ({ downloadBytes, unpackedBytes });
