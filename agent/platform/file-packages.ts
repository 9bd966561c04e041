import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import type { CommandPlace } from './command.ts';
import { keyOf, type PackageBackend, type PlannedPackage } from './file-package-backend.ts';
import { FilePackageStore } from './file-package-store.ts';
import { checkAfter, problemOf, settleConffiles } from './file-packages-after.ts';
import { brokenIn, changesBetween, checkBefore, checkPlan, type FileState, isWell } from './file-packages-check.ts';
import { createFileCleaning } from './file-packages-cleaning.ts';
import {
  type ChangeNeed,
  type ChangeRequest,
  describeChanges,
  type InstalledPackage,
  OsPackageProblem,
  type OsPackages,
} from './os-package.ts';
import { describeHolder, failureProblem, list, lockedProblem } from './os-package-problems.ts';
import { readUnsettled, type Unsettled, writeUnsettled } from './os-package-record.ts';
import { checkSpace, DOWNLOADS } from './os-package-space.ts';
import type { Tool, ToolEnd } from './os-package-tool.ts';
import { resolveBelow } from './server-path.ts';

/** Between two looks at a lock that somebody has. */
const LOCK_POLL_MS = 500;

interface Resolved extends ChangeNeed {
  planned: PlannedPackage[];
  /** Of `planned` those that are installed in their version, and not well. */
  again: PlannedPackage[];
  unchanged: string[];
  others: string[];
}

type Wish = Pick<ChangeRequest, 'packages' | 'others' | 'mode'>;

/** Packages by a manager that installs from files. What is fetched is verified, and then nothing but that is installed. */
export function createFilePackages(backend: PackageBackend, tool: Tool, place: CommandPlace, clock: Clock): OsPackages {
  const { root } = place;
  const store = new FilePackageStore(root);
  const say = (line: string) => place.output(Buffer.from(`${line}\n`), 'stdout');

  async function look(): Promise<FileState> {
    const { all, native } = await backend.look();
    const unsettled = new Map(readUnsettled(root).map(each => [each.key, each]));
    const seen = all.map(each => {
      const entry = unsettled.get(keyOf(each, native));
      return entry?.version === each.version && isWell(each) ? { ...each, state: entry.why } : each;
    });
    return { all: seen, native, byKey: new Map(seen.map(each => [keyOf(each, native), each])) };
  }

  /** Runs something once nobody else works with the packages; throws `locked` where that takes too long. */
  async function whenFree(waitMs: number, run: () => Promise<ToolEnd>): Promise<ToolEnd> {
    const begun = clock.monotonic();
    for (let told = false; ; ) {
      const before = backend.lockHolder();
      const end = before ? null : await run();
      if (end && !backend.saysLocked(end)) return end;
      const holder = before ?? backend.lockHolder() ?? { pid: 0, name: '', path: 'the lock' };
      const waitedMs = clock.monotonic() - begun;
      if (waitedMs >= waitMs || place.signal.aborted) throw lockedProblem(holder, waitedMs);
      if (!told) say(`waiting for ${describeHolder(holder)}, which has ${holder.path}`);
      told = true;
      await delay(LOCK_POLL_MS);
    }
  }

  /** The state to begin with: what was cut off is finished first. */
  async function begin(waitMs: number): Promise<FileState> {
    await store.prepare();
    const cutOff = readUnsettled(root).some(({ why }) => why === 'cut-off');
    if (cutOff || backend.staleMarks().length > 0) await finish(waitMs);
    return look();
  }

  /** Sets up again what was cut off, and what a script of failed; what it said where that was in vain. */
  async function finish(waitMs: number): Promise<string> {
    for (const mark of backend.lockHolder() === null ? backend.staleMarks() : []) {
      say(`${mark} was left by a process that has ended: removed`);
      await rm(resolveBelow(root, mark), { force: true });
    }
    let said = '';
    const leftovers = await backend.removeLeftovers?.(await backend.look());
    if (leftovers) said += leftovers.text;
    const state = await look();
    const open = [...state.byKey.values()].filter(each => !isWell(each));
    const planned = open.length === 0 ? [] : await againOf(open);
    if (planned.length > 0) {
      await fetchMissing(planned, true, waitMs);
      for (const { file, name } of planned) await store.verify(file, name, null);
      const argv = await backend.again(pathsOf(planned));
      said += (await whenFree(waitMs, () => tool.act(argv))).text;
    }
    await settle(planned, state.native, said);
    return said;
  }

  /** Packages that are installed, to be installed once more in the same version. */
  async function againOf(installed: readonly InstalledPackage[]): Promise<PlannedPackage[]> {
    const planned: PlannedPackage[] = [];
    for (const { name, version, architecture } of installed) {
      const exact = { name, version, architecture, sha256: null };
      const file = localFile(exact);
      const found = file === null ? await backend.find(exact) : fetched(exact, file);
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
  async function settle(planned: readonly PlannedPackage[], native: string, said: string): Promise<void> {
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

  async function fetchMissing(planned: readonly PlannedPackage[], again: boolean, waitMs: number): Promise<void> {
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

  const localFile = (exact: ExactPackage) => store.names().find(file => backend.isFileOf(file, exact)) ?? null;

  async function resolveWish(state: FileState, wish: Wish): Promise<Resolved> {
    const same = (exact: ExactPackage) =>
      state.all.filter(
        each =>
          keyOf(each, state.native) === keyOf(exact, state.native) && each.version === backend.normal(exact.version),
      );
    const isSo = (exact: ExactPackage) => same(exact).some(isWell);
    const open = wish.packages.filter(exact => !isSo(exact));
    const unchanged = wish.packages.filter(isSo).map(({ name }) => name);
    if (open.length === 0)
      return { planned: [], again: [], unchanged, others: [], changes: [], downloadBytes: 0, unpackedBytes: 0 };
    checkBefore(state, open, wish.mode);
    const halfWay = open.flatMap(same);
    const again = await againOf(halfWay);
    const moving = open.filter(exact => same(exact).length === 0);
    const { planned, removals } =
      moving.length === 0
        ? { planned: [], removals: [] }
        : await backend.resolve(
            moving.map(exact => {
              const file = localFile(exact);
              return { exact, file: file === null ? null : store.path(file) };
            }),
          );
    const { changes, others } = checkPlan(backend, state, { moving, planned, removals, others: wish.others });
    const missing = planned.filter(({ file }) => !store.has(file));
    return {
      planned: [...planned, ...again],
      again,
      unchanged,
      others,
      changes,
      downloadBytes: missing.reduce((sum, each) => sum + each.downloadBytes, 0),
      unpackedBytes: planned.reduce((sum, each) => sum + each.unpackedBytes, 0),
    };
  }

  /** Fetches what is not there and compares all of it with what it must be. */
  async function bring({ planned, again }: Resolved, packages: readonly ExactPackage[], waitMs: number): Promise<void> {
    await fetchMissing(
      planned.filter(each => !again.includes(each)),
      false,
      waitMs,
    );
    await fetchMissing(again, true, waitMs);
    for (const { name, version, file } of planned) {
      const ordered = packages.find(each => each.name === name && backend.normal(each.version) === version);
      await store.verify(file, `${name} ${version}`, ordered?.sha256 ?? null);
    }
  }

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
      const { planned, changes, downloadBytes, unpackedBytes } = await resolveWish(state, request);
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
      const state = await begin(request.lockWaitMs);
      const resolved = await resolveWish(state, request);
      const ways: PlannedPackage[] = [];
      const noWayBack: string[] = [];
      for (const exact of back) {
        const here = state.byKey.get(keyOf(exact, state.native))?.version === backend.normal(exact.version);
        const file = localFile(exact);
        const found = here && file === null ? await backend.find(exact) : null;
        if (found) ways.push(found);
        else if (file === null) noWayBack.push(`${exact.name} ${exact.version}`);
        if (file !== null) ways.push(fetched(exact, file));
      }
      await store.keepOnly([...resolved.planned, ...ways].map(({ file }) => file));
      checkSpace(root, resolved, backend.databaseDirectory);
      await bring(resolved, request.packages, request.lockWaitMs);
      await fetchMissing(ways, true, request.lockWaitMs);
      const { changes, downloadBytes, unpackedBytes } = resolved;
      return { changes, downloadBytes, unpackedBytes, noWayBack };
    },

    async change(request) {
      const state = await begin(request.lockWaitMs);
      const resolved = await resolveWish(state, request);
      const { planned, again, others, unchanged } = resolved;
      if (planned.length === 0) return { changes: [], others: [], unchanged, conffiles: [] };
      checkSpace(root, resolved, backend.databaseDirectory);
      await bring(resolved, request.packages, request.lockWaitMs);
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
      await settle(planned, state.native, said);
      const conffiles = await settleConffiles(backend, root, said, request.conffiles);
      const after = await look();
      checkAfter(backend, { ends, after, packages: request.packages, said });
      return { changes: changesBetween(state, after), others, unchanged, conffiles };
    },

    async remove(request) {
      const before = await begin(request.lockWaitMs);
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
      await settle([], before.native, '');
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
      const said = await finish(lockWaitMs);
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

  function pathsOf(planned: readonly PlannedPackage[]): string[] {
    return planned.map(({ file }) => store.path(file));
  }
}

const pick = ({ downloadBytes, unpackedBytes }: PlannedPackage) => ({ downloadBytes, unpackedBytes });

/** What is there already needs nothing to fetch it by. */
const fetched = ({ name, version, architecture }: ExactPackage, file: string): PlannedPackage => ({
  ...{ name, version, file, architecture: architecture ?? '', spec: '' },
  ...{ downloadBytes: 0, unpackedBytes: 0 },
});
