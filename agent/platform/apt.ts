import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import { createAptCleaning } from './apt-cleaning.ts';
import { commands, conffileEnvironment, ENVIRONMENT } from './apt-commands.ts';
import { changedConffiles } from './apt-conffiles.ts';
import { isThere, prepareDownloads, verifyFiles, type WantedFile, wantedFile } from './apt-files.ts';
import {
  parseConffiles,
  parseErrors,
  parseFailures,
  parseLock,
  parseRefreshFailures,
  parseSimulation,
  saysInterrupted,
} from './apt-output.ts';
import { candidatesOf, cannotBeginWith, resolveWish } from './apt-resolve.ts';
import {
  type AptState,
  brokenIn,
  hasTriggersLeft,
  isInterrupted,
  isWell,
  keyOf,
  lockHolder,
  mustBeUnpackedAgain,
  readState,
  specOf,
} from './apt-state.ts';
import { type Argv, type CommandPlace, describeEnd } from './command.ts';
import {
  type ChangeRequest,
  describeChanges,
  OsPackageProblem,
  type OsPackages,
  type RemoveRequest,
  type VersionChange,
} from './os-package.ts';
import { describeHolder, failureProblem, list, lockedProblem, saysNoSpace } from './os-package-problems.ts';
import { checkSpace } from './os-package-space.ts';
import { createTool, type Tool, type ToolEnd } from './os-package-tool.ts';
import { resolveBelow } from './server-path.ts';

/** Between two looks at a lock that somebody has. */
const LOCK_POLL_MS = 500;
const DATABASE = '/var/lib/dpkg';

/** apt and dpkg. Written for apt 2.x; tried with Debian 12's. */
export function createApt(place: CommandPlace, clock: Clock): OsPackages {
  const { root } = place;
  const tool = createTool(place, ENVIRONMENT);
  const toolFor = (conffiles: ChangeRequest['conffiles']) =>
    createTool(place, { ...ENVIRONMENT, ...conffileEnvironment(conffiles) });
  const look = () => readState(tool);

  /** Runs a command once nobody else works with the packages; throws `locked` where that takes too long. */
  async function whenFree(waitMs: number, run: () => Promise<ToolEnd>): Promise<ToolEnd> {
    const begun = clock.monotonic();
    for (let told = false; ; ) {
      const end = await run();
      const lock = end.status === 0 ? null : parseLock(end.text);
      if (!lock) return end;
      const waitedMs = clock.monotonic() - begun;
      const holder = lock.name !== '' ? lock : (lockHolder(root) ?? lock);
      if (waitedMs >= waitMs || place.signal.aborted) throw lockedProblem({ ...holder, path: lock.path }, waitedMs);
      if (!told) place.output(Buffer.from(`waiting for ${describeHolder(holder)}, which has ${lock.path}\n`), 'stdout');
      told = true;
      await delay(LOCK_POLL_MS);
    }
  }
  const act = (argv: Argv, waitMs: number, by: Tool = tool) => whenFree(waitMs, () => by.act(argv));

  /** Finishes what was cut off. What its scripts do not let it finish is left for whoever asks next. */
  async function finish(
    waitMs: number,
    conffiles: ChangeRequest['conffiles'],
    without: 'leave' | 'newest' = 'leave',
  ): Promise<ToolEnd[]> {
    const configured = await act(commands.configure(conffiles), waitMs, toolFor(conffiles));
    const fixed = await act(commands.fixBroken(), waitMs);
    // Neither of the two unpacks again what was cut off while it was unpacked, nor does an upgrade to the version that it has.
    const again = await unpackedAgain(await look(), without);
    const ends = again.length > 0 ? [await act(commands.reinstall(again), waitMs)] : [];
    return [configured, fixed, ...ends];
  }

  /** For apt. In their own versions; those that no repository has any more in its newest, or left to the change to come. */
  async function unpackedAgain({ all, native }: AptState, without: 'leave' | 'newest'): Promise<string[]> {
    const again = all.filter(mustBeUnpackedAgain);
    const candidates = await candidatesOf(
      tool,
      again.map(each => specOf(each, native)),
    );
    const available = new Set(candidates.map(each => specOf(each, native)));
    return again.flatMap(each => {
      const spec = specOf(each, native);
      if (available.has(spec)) return [spec];
      return without === 'newest' ? [keyOf(each, native)] : [];
    });
  }

  /** The state to begin with: whole, or with the words of who made it otherwise. */
  async function begin(request: Pick<ChangeRequest, 'lockWaitMs' | 'conffiles'>): Promise<AptState> {
    await prepareDownloads(root, null);
    const found = await look();
    const cutOff = isInterrupted(root) || found.all.some(mustBeUnpackedAgain);
    if (cutOff) await finish(request.lockWaitMs, request.conffiles);
    const state = cutOff ? await look() : found;
    if (!state.all.some(hasTriggersLeft)) return state;
    // What was cut off between two runs of dpkg does not count as interrupted, and no later run takes up its triggers.
    await act(commands.triggers(), request.lockWaitMs);
    return look();
  }

  async function fetch(files: readonly WantedFile[], argv: Argv, waitMs: number): Promise<void> {
    const end = await act(argv, waitMs);
    if (end.status !== 0) throw problemOf(end, 'the packages could not be fetched', 'nothing was changed');
    await verifyFiles(root, files);
  }

  return {
    manager: 'apt',

    installed: async () => (await look()).all,

    async updates() {
      const end = await tool.ask(commands.updates());
      if (end.status !== 0) return new Map();
      const { changes } = parseSimulation(end.text);
      return new Map(changes.flatMap(({ name, from, to }) => (from === null || to === null ? [] : [[name, to]])));
    },

    async pending() {
      return { interrupted: isInterrupted(root), broken: brokenIn(await look()), lockedBy: lockHolder(root) };
    },

    async refresh({ lockWaitMs }) {
      const end = await act(commands.refresh(), lockWaitMs);
      const failures = parseRefreshFailures(end.text);
      if (end.status === 0 && failures.length === 0) return;
      throw new OsPackageProblem(
        'refresh-failed',
        `the repositories' lists could not be fetched: ${list(failures, 3) || parseErrors(end.text) || describeEnd(end)}; ` +
          'see that this server reaches them and has their keys, and try again',
        { failures: failures.slice(0, 10) },
      );
    },

    need: async request => {
      const resolved = await resolveWish(tool, root, await look(), request);
      return { ...need(resolved), sizes: resolved.sizes };
    },

    async removal(names) {
      const { byKey } = await look();
      const there = names.filter(name => byKey.has(name));
      return there.length === 0 ? [] : simulateRemoval(there);
    },

    changedConffiles: names => changedConffiles(tool, root, names),
    filesOf: async names =>
      names.length === 0 ? [] : (await tool.ask(commands.files(names))).text.split('\n').filter(isPath),

    async download({ back, ...request }) {
      const state = await begin({ ...request, conffiles: 'keep' });
      const resolved = await resolveWish(tool, root, state, request);
      const ways = await waysBack(back, state);
      await prepareDownloads(root, [...resolved.files, ...ways.files.map(({ file }) => file)]);
      checkSpace(root, resolved, DATABASE);
      if (resolved.specs.length > 0) await fetch(resolved.files, commands.download(resolved.specs), request.lockWaitMs);
      for (const { file, spec } of ways.files) await fetch([file], commands.downloadAgain(spec), request.lockWaitMs);
      return { ...need(resolved), noWayBack: ways.missing };
    },

    async change(request) {
      const state = await begin(request);
      const resolved = await resolveWish(tool, root, state, request);
      const { specs, files, others, unchanged } = resolved;
      if (specs.length === 0) return { changes: [], others: [], unchanged, conffiles: [] };
      checkSpace(root, resolved, DATABASE);
      // Downloaded before anything stopped, as the standard steps do: then they are only verified again.
      if (files.every(file => isThere(root, file))) await verifyFiles(root, files);
      else await fetch(files, commands.download(specs), request.lockWaitMs);
      const automatic = await automaticOnes(specs);
      const end = await act(commands.change(specs, request.conffiles), request.lockWaitMs, toolFor(request.conffiles));
      let said = end.text;
      let after = await look();
      if (end.status === 0 && after.all.some(each => !isWell(each))) {
        // A downgrade may leave what it went over unconfigured.
        said += (await finish(request.lockWaitMs, request.conffiles)).map(({ text }) => text).join('');
        after = await look();
      }
      if (automatic.length > 0) await tool.ask(commands.mark('auto', automatic));
      const reports = conffilesIn(said);
      checkAfter(end, after, request.packages, said);
      return { changes: changesBetween(state, after), others, unchanged, conffiles: reports };
    },

    async remove(request) {
      const before = await begin({ ...request, conffiles: 'keep' });
      const names = request.names.filter(name => before.byKey.has(name));
      if (names.length === 0) return [];
      await checkRemoval(names, request);
      const end = await act(commands.remove(names), request.lockWaitMs);
      const after = await look();
      const left = names.filter(name => after.byKey.has(name));
      if (end.status !== 0 || left.length > 0)
        throw problemOf(end, `${list(left.length > 0 ? left : names)} could not be removed`, 'see its state');
      return changesBetween(before, after);
    },

    hold: names => mark('hold', names),
    unhold: names => mark('unhold', names),

    async repair({ lockWaitMs }) {
      await prepareDownloads(root, null);
      const before = await look();
      const ends = await finish(lockWaitMs, 'keep', 'newest');
      const after = await look();
      const left = brokenIn(after);
      if (left.length > 0 || isInterrupted(root)) {
        const said = ends.map(({ text }) => text).join('');
        const what = `${list(left.map(each => `${each.name} (${each.state})`)) || 'the database'} is still not well`;
        throw (
          failureOf(said, what) ?? new OsPackageProblem('broken', `${what}: ${parseErrors(said)}; repair it by hand`)
        );
      }
      return brokenIn(before).map(({ name }) => name);
    },

    cleaning: createAptCleaning({ tool, act, look }),
  };

  async function waysBack(back: readonly ExactPackage[], state: AptState) {
    const files: { file: WantedFile; spec: string }[] = [];
    const missing: string[] = [];
    const specs = back.map(exact => specOf(exact, state.native));
    const candidates = await candidatesOf(tool, specs);
    for (const [index, exact] of back.entries()) {
      const key = keyOf(exact, state.native);
      const own = candidates.filter(each => keyOf(each, state.native) === key && each.version === exact.version);
      const file = own.length > 0 ? wantedFile(own, exact) : null;
      // Only what is there can be fetched "again"; another version is not what an undo goes back to.
      if (file && state.byKey.get(key)?.version === exact.version) files.push({ file, spec: specs[index] ?? '' });
      else missing.push(`${exact.name} ${exact.version}`);
    }
    return { files, missing };
  }

  /** apt marks what it is told by name as wanted by a person; that is not what an upgrade means. */
  async function automaticOnes(specs: readonly string[]): Promise<string[]> {
    const end = await tool.ask(commands.automatic());
    const automatic = new Set(end.text.split('\n'));
    return specs.map(spec => spec.split('=')[0] ?? '').filter(name => automatic.has(name));
  }

  async function mark(as: 'hold' | 'unhold', names: readonly string[]): Promise<string[]> {
    const state = await look();
    const unknown = names.filter(name => !state.byKey.has(name));
    if (unknown.length > 0)
      throw new OsPackageProblem('not-installed', `${list(unknown)} cannot be changed: not installed here`);
    const open = names.filter(name => state.byKey.get(name)?.held !== (as === 'hold'));
    if (open.length === 0) return [];
    const end = await tool.act(commands.mark(as, open));
    const after = await look();
    const left = open.filter(name => after.byKey.get(name)?.held !== (as === 'hold'));
    if (left.length > 0) throw problemOf(end, `${list(left)}: its hold could not be changed`, 'try again');
    return open;
  }

  async function simulateRemoval(names: readonly string[]): Promise<VersionChange[]> {
    const simulated = await tool.ask(commands.simulateRemoval(names));
    if (simulated.status !== 0) throw cannotBeginWith(simulated);
    const { removals, changes } = parseSimulation(simulated.text);
    return [...removals, ...changes];
  }

  async function checkRemoval(names: readonly string[], { others }: RemoveRequest): Promise<void> {
    const all = await simulateRemoval(names);
    const more = all.filter(({ name, to }) => to !== null || !names.includes(name));
    if (more.length > 0 && others === 'refuse')
      throw new OsPackageProblem(
        'others',
        `${list(names)} cannot be removed alone: ${describeChanges(more)} would go with it; nothing was changed`,
        { others: more },
      );
  }

  function conffilesIn(text: string) {
    return parseConffiles(text).map(({ path, kept }) => {
      const other = `${path}.${kept ? 'dpkg-dist' : 'dpkg-old'}`;
      return { path, kept, other: existsSync(resolveBelow(root, other)) ? other : null };
    });
  }
}

const isPath = (line: string): boolean => line.startsWith('/');

const need = ({ changes, downloadBytes, unpackedBytes }: Awaited<ReturnType<typeof resolveWish>>) => ({
  changes,
  downloadBytes,
  unpackedBytes,
});

/** What apt says counts less than what is there. */
function checkAfter(end: ToolEnd, after: AptState, packages: readonly ExactPackage[], said: string): void {
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

function problemOf(end: ToolEnd, what: string, next: string): OsPackageProblem {
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

const failureOf = (text: string, what: string) => failureProblem(parseFailures(text), what);

function changesBetween(before: AptState, after: AptState): VersionChange[] {
  const keys = [...new Set([...before.byKey.keys(), ...after.byKey.keys()])].sort();
  return keys.flatMap(name => {
    const [from, to] = [before.byKey.get(name)?.version ?? null, after.byKey.get(name)?.version ?? null];
    return from === to ? [] : [{ name, from, to }];
  });
}
