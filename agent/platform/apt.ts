import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import { changesBetween, checkAfter, conffilesIn, failureOf, problemOf } from './apt-after.ts';
import { createAptCleaning } from './apt-cleaning.ts';
import { commands, conffileEnvironment, ENVIRONMENT } from './apt-commands.ts';
import { changedConffiles } from './apt-conffiles.ts';
import { isThere, prepareDownloads, verifyFiles, type WantedFile, wantedFile } from './apt-files.ts';
import { whenFree } from './apt-lock.ts';
import { parseErrors, parseRefreshFailures, parseSimulation } from './apt-output.ts';
import { checkRemoval, simulateRemoval } from './apt-removal.ts';
import { candidatesOf, resolveWish } from './apt-resolve.ts';
import { type AptState, brokenIn, isInterrupted, isWell, keyOf, lockHolder, readState, specOf } from './apt-state.ts';
import { createAptUnfinished } from './apt-unfinished.ts';
import { type Argv, type CommandPlace, describeEnd } from './command.ts';
import { type ChangeRequest, OsPackageProblem, type OsPackages } from './os-package.ts';
import { list } from './os-package-problems.ts';
import { checkSpace } from './os-package-space.ts';
import { createTool, type Tool } from './os-package-tool.ts';

const DATABASE = '/var/lib/dpkg';

/** apt and dpkg. Written for apt 2.x; tried with Debian 12's. */
export function createApt(place: CommandPlace, clock: Clock): OsPackages {
  const { root } = place;
  const tool = createTool(place, ENVIRONMENT);
  const toolFor = (conffiles: ChangeRequest['conffiles']) =>
    createTool(place, { ...ENVIRONMENT, ...conffileEnvironment(conffiles) });
  const look = () => readState(tool);
  const act = (argv: Argv, waitMs: number, by: Tool = tool) => whenFree({ place, clock }, waitMs, () => by.act(argv));
  const { begin, finish } = createAptUnfinished({ root, tool, toolFor, act, look });

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
      return there.length === 0 ? [] : simulateRemoval(tool, there);
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
      const reports = conffilesIn(said, root);
      checkAfter(end, after, request.packages, said);
      return { changes: changesBetween(state, after), others, unchanged, conffiles: reports };
    },

    async remove(request) {
      const before = await begin({ ...request, conffiles: 'keep' });
      const names = request.names.filter(name => before.byKey.has(name));
      if (names.length === 0) return [];
      await checkRemoval(tool, names, request);
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
}

const isPath = (line: string): boolean => line.startsWith('/');

const need = ({ changes, downloadBytes, unpackedBytes }: Awaited<ReturnType<typeof resolveWish>>) => ({
  changes,
  downloadBytes,
  unpackedBytes,
});
