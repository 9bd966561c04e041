import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join, matchesGlob } from 'node:path';
import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import type { Argv, CommandPlace } from './command.ts';
import {
  keyOf,
  type PackageBackend,
  type PlannedPackage,
  type Resolution,
  type Wanted,
} from './file-package-backend.ts';
import { OsPackageProblem } from './os-package.ts';
import { list } from './os-package-problems.ts';
import type { Tool, ToolEnd } from './os-package-tool.ts';
import {
  changedRpmConffiles,
  filesOfRpms,
  linesOf,
  readRpms,
  removeLeftovers,
  rpmDatabase,
  rpmLockHolder,
  withoutRunningKernel,
} from './rpm-database.ts';
import { isRpmFileOf, normalRpmVersion, parseRpmConffiles, parseRpmFailures, rpmFileName } from './rpm-output.ts';
import { resolveBelow } from './server-path.ts';
import {
  LOCKED,
  NOT_FOUND,
  parseErrors,
  parseLocks,
  parseRefreshProblems,
  parseSearch,
  parseSummary,
  parseUpdates,
  parseXmlErrors,
  ZYPPER_EXITS,
} from './zypper-output.ts';

const LOCKS = '/etc/zypp/locks';
const PID_FILES = ['/run/zypp.pid', '/var/run/zypp.pid'];

/** Waiting is ours. */
export const ZYPPER_ENVIRONMENT = { ZYPP_LOCK_TIMEOUT: '0' } as const;

const zypper = (...rest: string[]): Argv => ['/usr/bin/zypper', '--non-interactive', '--no-color', ...rest];
/** By the lists that are there: fetching them is a step of its own. */
const quietly = (...rest: string[]): Argv => zypper('--no-refresh', '--xmlout', ...rest);
const CHANGE = ['--oldpackage', '--no-recommends', '--auto-agree-with-licenses'];

export const commands = {
  refresh: (): Argv => zypper('refresh', '--force'),
  updates: (): Argv => quietly('list-updates', '--type', 'package'),
  search: (names: readonly string[]): Argv =>
    quietly('search', '--details', '--match-exact', '--type', 'package', ...names),
  simulate: (specs: readonly string[]): Argv => quietly('install', '--dry-run', ...CHANGE, ...specs),
  download: (again: boolean, specs: readonly string[], directory: string): Argv =>
    zypper(
      ...['--no-refresh', '--pkg-cache-dir', directory, 'install', '--download-only', ...CHANGE],
      ...(again ? ['--force'] : []),
      ...specs,
    ),
  /** Signatures were checked when they were fetched, as the repository's settings say. */
  files: (again: boolean, files: readonly string[]): Argv =>
    zypper('--no-refresh', 'install', ...CHANGE, '--allow-unsigned-rpm', ...(again ? ['--force'] : []), ...files),
  simulateRemoval: (names: readonly string[]): Argv => quietly('remove', '--dry-run', ...names),
  remove: (names: readonly string[]): Argv => zypper('remove', ...names),
  clearCache: (): Argv => zypper('clean'),
  /** Keeps what zypp.conf says: `multiversion.kernels = latest,latest-1,running`. */
  simulateOldKernels: (): Argv => quietly('purge-kernels', '--dry-run'),
  lock: (how: 'addlock' | 'removelock', names: readonly string[]): Argv => zypper(how, '--type', 'package', ...names),
};

/** As zypper takes it: `openssl.x86_64=1:3.0.8-1.2`. */
const specOf = ({ name, version, architecture }: Pick<ExactPackage, 'name' | 'version' | 'architecture'>): string =>
  `${name}${architecture === null || architecture === '' ? '' : `.${architecture}`}=${version}`;

/** zypper and rpm. Tried with 1.14 on rpm 4.18. */
export function createZypper(tool: Tool, { root }: CommandPlace): PackageBackend {
  async function heldNames(): Promise<ReadonlySet<string>> {
    const patterns = parseLocks(linesOf(root, LOCKS).join('\n'));
    if (patterns.length === 0) return new Set();
    const { all } = await readRpms(tool, new Set());
    return new Set(all.map(({ name }) => name).filter(name => patterns.some(pattern => matchesGlob(name, pattern))));
  }

  const asPlanned = (
    each: { name: string; version: string; architecture: string },
    part: Partial<PlannedPackage> = {},
  ): PlannedPackage => ({
    ...each,
    file: rpmFileName(each.name, each.version, each.architecture),
    spec: specOf(each),
    downloadBytes: 0,
    unpackedBytes: 0,
    ...part,
  });

  /** zypper keeps packages by repository and path; they are wanted side by side. */
  function gather(directory: string, cache: string): void {
    const below = resolveBelow(root, cache);
    for (const path of readdirSync(below, { recursive: true, encoding: 'utf8' }))
      if (path.endsWith('.rpm')) renameSync(join(below, path), join(resolveBelow(root, directory), basename(path)));
    rmSync(below, { recursive: true, force: true });
  }

  return {
    manager: 'zypper',
    databaseDirectory: rpmDatabase(root),
    endings: { fresh: '.rpmnew', old: '.rpmsave' },

    look: async () => readRpms(tool, await heldNames()),
    removeLeftovers: state => removeLeftovers(tool, state),
    lockHolder: () => rpmLockHolder(root, PID_FILES),
    saysLocked: ({ status }) => status === LOCKED,
    staleMarks: () => [],

    async updates() {
      const end = await tool.ask(commands.updates());
      return parseUpdates(end.text);
    },

    refresh: commands.refresh,
    refreshProblems({ status, text }) {
      if (status === 0) return [];
      const problems = parseRefreshProblems(text);
      return problems.length > 0 ? problems : [ZYPPER_EXITS[status ?? -1]?.means ?? `exit status ${status}`];
    },

    async find(exact) {
      const { text } = await tool.ask(commands.search([exact.name]));
      const own = parseSearch(text).find(
        each =>
          each.name === exact.name &&
          each.version === normalRpmVersion(exact.version) &&
          (exact.architecture === null || each.architecture === exact.architecture),
      );
      return own ? asPlanned(own) : null;
    },
    isFileOf: isRpmFileOf,

    async resolve(wanted: readonly Wanted[]): Promise<Resolution> {
      let simulated = await tool.ask(commands.simulate(wanted.map(({ exact }) => specOf(exact))));
      const files = wanted.flatMap(({ file }) => file ?? []);
      // What no repository has any more may still lie here.
      if (simulated.status === NOT_FOUND && files.length === wanted.length)
        simulated = await tool.ask(commands.simulate(files));
      const summary = parseSummary(simulated.text);
      if (!summary || summary.planned.length === 0) throw cannotBegin(simulated, wanted);
      const { planned, removals, downloadBytes, growsBytes } = summary;
      // It tells sums only.
      const share = (bytes: number) => Math.ceil(bytes / planned.length);
      return {
        removals,
        planned: planned.map(each =>
          asPlanned(each, {
            downloadBytes: share(downloadBytes),
            unpackedBytes: share(downloadBytes * 2 + growsBytes),
          }),
        ),
      };
    },

    async fetch(planned, directory, again) {
      const cache = `${directory}/zypp`;
      mkdirSync(resolveBelow(root, cache), { recursive: true, mode: 0o755 });
      const end = await tool.act(
        commands.download(
          again,
          planned.map(({ spec }) => spec),
          cache,
        ),
      );
      gather(directory, cache);
      return end;
    },
    apply: files => commands.files(false, files),
    again: files => commands.files(true, files),

    async resolveRemoval(names) {
      const end = await tool.ask(commands.simulateRemoval(names));
      const summary = parseSummary(end.text);
      if (!summary) throw cannotBegin(end, []);
      const more = summary.planned.map(({ name, version }) => ({ name, from: null, to: version }));
      return [...summary.removals, ...more];
    },
    remove: commands.remove,

    changedConffiles: names => changedRpmConffiles(tool, names),
    filesOf: names => filesOfRpms(tool, names),

    cleaning: {
      caches: ['/var/cache/zypp/packages'],
      clear: commands.clearCache,
      async removableKernels() {
        const simulated = await tool.ask(commands.simulateOldKernels());
        const kernels = await withoutRunningKernel(tool, parseSummary(simulated.text)?.removals ?? []);
        return kernels.map(each => ({ ...each, spec: specOf({ ...each, architecture: null }) }));
      },
    },

    mark: (as, names) => tool.act(commands.lock(as === 'hold' ? 'addlock' : 'removelock', names)),

    succeeded: ({ status }) => ZYPPER_EXITS[status ?? -1]?.done === true,
    failures: parseRpmFailures,
    conffiles: parseRpmConffiles,
    errors: parseErrors,
    normal: normalRpmVersion,
  };
}

/** zypper's refusal to begin, in our words. */
function cannotBegin(end: ToolEnd, wanted: readonly Wanted[]): OsPackageProblem {
  const said = parseXmlErrors(end.text);
  if (end.status === NOT_FOUND) {
    const missing = wanted.map(({ exact }) => exact).filter(exact => end.text.includes(specOf(exact)));
    const names = (missing.length > 0 ? missing : wanted.map(({ exact }) => exact)).map(
      exact => `${keyOf(exact, '')} ${exact.version}`,
    );
    return new OsPackageProblem(
      'unavailable',
      `${list(names)} is in none of this server's repositories; refresh their lists, or correct the version in the bundle`,
      { packages: names },
    );
  }
  if (/remove lock to allow/.test(end.text))
    return new OsPackageProblem(
      'held',
      `a lock of this server is in the way: ${said}; take it away or change the bundle`,
    );
  if (/Problem: /.test(end.text))
    return new OsPackageProblem('others', `the versions do not fit each other: ${said}; nothing was changed`);
  const means = ZYPPER_EXITS[end.status ?? -1]?.means ?? end.lastLine;
  return new OsPackageProblem('failed', `zypper refuses: ${said || means}; nothing was changed`);
}
