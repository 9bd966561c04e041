import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import type { Argv, CommandPlace } from './command.ts';
import {
  CANDIDATE_FORMAT,
  DNF_EXITS,
  parseCandidates,
  parseErrors,
  parseExcluded,
  parseProblem,
  parseRefreshProblems,
  parseTransaction,
  parseUnmatched,
  parseVersionLocks,
  type RpmCandidate,
} from './dnf-output.ts';
import type { PackageBackend, PlannedPackage, Resolution, Wanted } from './file-package-backend.ts';
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
import { isRpmFileOf, normalRpmVersion, parseRpmConffiles, parseRpmFailures } from './rpm-output.ts';

const VERSION_LOCKS = ['/etc/dnf/plugins/versionlock.list', '/etc/yum/pluginconf.d/versionlock.list'];
const PID_FILES = [
  '/var/lib/dnf/rpmdb_lock.pid',
  '/var/cache/dnf/metadata_lock.pid',
  '/var/cache/dnf/download_lock.pid',
];

const OPTIONS = [
  '-y',
  '--color=never',
  '--best',
  // Waiting is ours: it would wait without an end.
  '--setopt=exit_on_lock=True',
  '--setopt=strict=True',
  '--setopt=install_weak_deps=False',
  '--setopt=clean_requirements_on_remove=False',
  // A repository that hangs must not take the whole window.
  '--setopt=timeout=30',
  '--setopt=retries=2',
];
/** By the lists that are there: fetching them is a step of its own. */
const KNOWN_LISTS = ['--setopt=metadata_expire=never'];

const dnf = (...rest: string[]): Argv => ['/usr/bin/dnf', ...OPTIONS, ...rest];

export const commands = {
  refresh: (): Argv => dnf('--setopt=*.skip_if_unavailable=False', '--refresh', 'makecache'),
  candidates: (specs: readonly string[]): Argv =>
    dnf('-q', '-C', ...KNOWN_LISTS, 'repoquery', '--qf', CANDIDATE_FORMAT, ...specs),
  updates: (): Argv => dnf('-q', '-C', ...KNOWN_LISTS, 'repoquery', '--upgrades', '--qf', CANDIDATE_FORMAT),
  /** Ends with 1 in any case: it says no to itself. */
  simulate: (specs: readonly string[]): Argv => dnf('-C', ...KNOWN_LISTS, '--assumeno', 'install', ...specs),
  /** Checks the signatures as the repository's settings say. */
  download: (how: 'install' | 'reinstall', specs: readonly string[], directory: string): Argv =>
    dnf(...KNOWN_LISTS, '--downloadonly', '--destdir', directory, how, ...specs),
  /** From these files and nothing else. */
  files: (how: 'install' | 'reinstall', files: readonly string[]): Argv => dnf('--disablerepo=*', how, ...files),
  simulateRemoval: (names: readonly string[]): Argv => dnf('-C', ...KNOWN_LISTS, '--assumeno', 'remove', ...names),
  remove: (names: readonly string[]): Argv => dnf('-C', ...KNOWN_LISTS, 'remove', ...names),
  clearCache: (): Argv => dnf('clean', 'packages'),
  /** All kernels but the newest and the one that runs: dnf has no number for it (4.14). */
  simulateOldKernels: (): Argv => dnf('-C', ...KNOWN_LISTS, '--assumeno', 'remove', '--oldinstallonly'),
  lock: (how: 'add' | 'delete', names: readonly string[]): Argv =>
    dnf('-C', ...KNOWN_LISTS, 'versionlock', how, ...names),
};

/** As dnf takes it: `openssl-1:3.0.7-27.el9.x86_64`. */
const specOf = ({ name, version, architecture }: Pick<ExactPackage, 'name' | 'version' | 'architecture'>): string =>
  `${name}-${version}${architecture === null || architecture === '' ? '' : `.${architecture}`}`;

/** dnf 4 and rpm. Tried with 4.14 on rpm 4.18. */
export function createDnf(tool: Tool, { root }: CommandPlace): PackageBackend {
  const held = () => new Set(VERSION_LOCKS.flatMap(path => parseVersionLocks(linesOf(root, path))));

  async function candidates(specs: readonly string[]): Promise<RpmCandidate[]> {
    const end = await tool.ask(commands.candidates(specs));
    if (end.status !== DNF_EXITS.done) throw cannotBegin(end);
    return parseCandidates(end.text);
  }

  const asPlanned = (candidate: RpmCandidate): PlannedPackage => ({ ...candidate, spec: specOf(candidate) });

  return {
    manager: 'dnf',
    databaseDirectory: rpmDatabase(root),
    endings: { fresh: '.rpmnew', old: '.rpmsave' },

    look: () => readRpms(tool, held()),
    removeLeftovers: state => removeLeftovers(tool, state),
    lockHolder: () => rpmLockHolder(root, PID_FILES),
    saysLocked: ({ status }) => status === DNF_EXITS.locked,
    staleMarks: () => [],

    async updates() {
      const end = await tool.ask(commands.updates());
      return new Map(parseCandidates(end.text).map(({ name, version }) => [name, version]));
    },

    refresh: commands.refresh,
    refreshProblems({ status, text }) {
      const problems = parseRefreshProblems(text);
      return status === DNF_EXITS.done || problems.length > 0
        ? problems
        : [parseErrors(text) || `exit status ${status}`];
    },

    async find(exact) {
      const found = await candidates([specOf(exact)]);
      const own = found.find(each => each.version === normalRpmVersion(exact.version));
      return own ? asPlanned(own) : null;
    },
    isFileOf: isRpmFileOf,

    async resolve(wanted: readonly Wanted[]): Promise<Resolution> {
      let simulated = await tool.ask(commands.simulate(wanted.map(({ exact }) => specOf(exact))));
      const missing = new Set(parseUnmatched(simulated.text));
      if (missing.size > 0 && wanted.every(({ exact, file }) => file !== null || !missing.has(specOf(exact)))) {
        // What no repository has any more may still lie here.
        const specs = wanted.map(({ exact, file }) => (missing.has(specOf(exact)) ? file : null) ?? specOf(exact));
        simulated = await tool.ask(commands.simulate(specs));
      }
      const { planned, removals } = parseTransaction(simulated.text);
      if (planned.length === 0) throw cannotBegin(simulated, wanted);
      const all = await candidates(planned.map(specOf));
      return {
        removals,
        planned: planned.map(each => {
          const candidate = all.find(one => specOf(one) === specOf(each));
          if (candidate) return asPlanned(candidate);
          const file = wanted
            .find(({ exact }) => exact.name === each.name)
            ?.file?.split('/')
            .at(-1);
          if (file) return { ...each, file, spec: '', downloadBytes: 0, unpackedBytes: 0 };
          throw new OsPackageProblem(
            'unavailable',
            `no repository says what ${each.name} ${each.version} is; refresh and try again`,
          );
        }),
      };
    },

    fetch: (planned, directory, again) =>
      tool.act(
        commands.download(
          again ? 'reinstall' : 'install',
          planned.map(({ spec }) => spec),
          directory,
        ),
      ),
    apply: files => commands.files('install', files),
    again: files => commands.files('reinstall', files),

    async resolveRemoval(names) {
      const end = await tool.ask(commands.simulateRemoval(names));
      const { planned, removals } = parseTransaction(end.text);
      if (removals.length === 0) throw cannotBegin(end);
      return [...removals, ...planned.map(({ name, version }) => ({ name, from: null, to: version }))];
    },
    remove: commands.remove,

    changedConffiles: names => changedRpmConffiles(tool, names),
    filesOf: names => filesOfRpms(tool, names),

    cleaning: {
      caches: ['/var/cache/dnf'],
      clear: commands.clearCache,
      async removableKernels() {
        const simulated = await tool.ask(commands.simulateOldKernels());
        const kernels = await withoutRunningKernel(tool, parseTransaction(simulated.text).removals);
        return kernels.map(each => ({ ...each, spec: specOf({ ...each, architecture: null }) }));
      },
    },

    async mark(as, names) {
      const end = await tool.act(commands.lock(as === 'hold' ? 'add' : 'delete', names));
      if (!/No such command: versionlock/.test(end.text)) return end;
      throw new OsPackageProblem(
        'failed',
        "packages cannot be held here: dnf's versionlock plugin is not installed (python3-dnf-plugin-versionlock); install it and try again",
      );
    },

    succeeded: ({ status }) => status === DNF_EXITS.done,
    failures: parseRpmFailures,
    conffiles: parseRpmConffiles,
    errors: parseErrors,
    normal: normalRpmVersion,
  };
}

/** dnf's refusal to begin, in our words. */
function cannotBegin(end: ToolEnd, wanted: readonly Wanted[] = []): OsPackageProblem {
  const named = (spec: string) => {
    const exact = wanted.find(each => specOf(each.exact) === spec)?.exact;
    return exact ? `${exact.name} ${exact.version}` : spec;
  };
  const excluded = parseExcluded(end.text).map(named);
  if (excluded.length > 0)
    return new OsPackageProblem(
      'held',
      `${list(excluded)} is kept away by a lock or an exclusion of this server; take it away or the package out of the bundle`,
      { packages: excluded },
    );
  const missing = parseUnmatched(end.text).map(named);
  if (missing.length > 0)
    return new OsPackageProblem(
      'unavailable',
      `${list(missing)} is in none of this server's repositories; refresh their lists, or correct the version in the bundle`,
      { packages: missing },
    );
  const problem = parseProblem(end.text);
  if (problem !== null)
    return new OsPackageProblem('others', `the versions do not fit each other: ${problem}; nothing was changed`);
  return new OsPackageProblem('failed', `dnf refuses: ${parseErrors(end.text) || end.lastLine}; nothing was changed`);
}
