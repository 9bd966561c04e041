import { CONFFILES_FORMAT, INSTALLED_FORMAT } from './apt-output.ts';
import type { Argv } from './command.ts';
import type { ChangeRequest } from './os-package.ts';
import { DOWNLOADS } from './os-package-space.ts';

/*
 * The command lines of apt and dpkg. Their exit statuses say little: apt-get and apt-mark end with 0 or 100, dpkg with 0, 1
 * or 2 (fatal). What happened is in their words, see apt-output.ts, and in the database afterwards.
 */

/** Nothing asks, and nothing restarts services behind the back of the order's own steps. */
export const ENVIRONMENT = {
  DEBIAN_FRONTEND: 'noninteractive',
  DEBIAN_PRIORITY: 'critical',
  APT_LISTCHANGES_FRONTEND: 'none',
  APT_LISTBUGS_FRONTEND: 'none',
  NEEDRESTART_SUSPEND: '1',
} as const;

/** The configuration that ucf manages is decided by the same word. */
export const conffileEnvironment = (conffiles: ChangeRequest['conffiles']): Record<string, string> =>
  conffiles === 'keep' ? { UCF_FORCE_CONFFOLD: '1' } : { UCF_FORCE_CONFFNEW: '1' };

const OPTIONS = [
  '-q',
  '-y',
  // Without a terminal of its own dpkg writes what it does, in order, to where we read it.
  ['Dpkg::Use-Pty', '0'],
  ['APT::Color', '0'],
  // Waiting is ours: apt waits only for some of the locks.
  ['DPkg::Lock::Timeout', '0'],
  ['Dir::Cache::archives', `${DOWNLOADS}/`],
  ['APT::Keep-Downloaded-Packages', '1'],
  ['APT::Install-Recommends', '0'],
  ['APT::Get::AutomaticRemove', '0'],
  // A repository that hangs must not take the whole window.
  ['Acquire::Retries', '2'],
  ['Acquire::http::Timeout', '30'],
  ['Acquire::https::Timeout', '30'],
].flatMap(option => (typeof option === 'string' ? [option] : ['-o', option.join('=')]));

const aptGet = (...rest: string[]): Argv => ['/usr/bin/apt-get', ...OPTIONS, ...rest];

/** `keep` takes the default where the package's maintainer gave one, else what is there (dpkg(1), --force-confdef). */
const conffileOptions = (conffiles: ChangeRequest['conffiles']): string[] =>
  conffiles === 'keep' ? ['--force-confdef', '--force-confold'] : ['--force-confnew'];

const throughApt = (options: readonly string[]): string[] =>
  options.flatMap(option => ['-o', `Dpkg::Options::=${option}`]);

const CHANGE = ['--no-remove', '--allow-downgrades'];

export const commands = {
  architecture: (): Argv => ['/usr/bin/dpkg', '--print-architecture'],
  installed: (): Argv => ['/usr/bin/dpkg-query', '-W', '-f', INSTALLED_FORMAT],
  updates: (): Argv => aptGet('-s', 'dist-upgrade'),
  /** Without the mode it ends well where a repository could not be reached. */
  refresh: (): Argv => aptGet('-o', 'APT::Update::Error-Mode=any', 'update'),
  candidates: (specs: readonly string[]): Argv => ['/usr/bin/apt-cache', 'show', '--no-all-versions', ...specs],
  policy: (names: readonly string[]): Argv => ['/usr/bin/apt-cache', 'policy', ...names],
  policyWithoutPins: (names: readonly string[]): Argv => [
    ...([
      '/usr/bin/apt-cache',
      '-o',
      'Dir::Etc::Preferences=/dev/null',
      '-o',
      'Dir::Etc::PreferencesParts=/dev/null',
    ] as const),
    ...['policy', ...names],
  ],
  simulate: (specs: readonly string[]): Argv => aptGet('-s', ...CHANGE, 'install', ...specs),
  download: (specs: readonly string[]): Argv => aptGet(...CHANGE, '--download-only', 'install', ...specs),
  /** Also of a version that is installed. */
  downloadAgain: (spec: string): Argv => aptGet('--download-only', '--reinstall', 'install', spec),
  change: (specs: readonly string[], conffiles: ChangeRequest['conffiles']): Argv =>
    aptGet(...CHANGE, '--no-download', ...throughApt(conffileOptions(conffiles)), 'install', ...specs),
  simulateRemoval: (names: readonly string[]): Argv => aptGet('-s', 'remove', ...names),
  remove: (names: readonly string[]): Argv => aptGet('remove', ...names),
  configure: (conffiles: ChangeRequest['conffiles']): Argv => [
    '/usr/bin/dpkg',
    ...conffileOptions(conffiles),
    '--configure',
    '-a',
  ],
  triggers: (): Argv => ['/usr/bin/dpkg', '--triggers-only', '-a'],
  fixBroken: (): Argv => aptGet('--no-remove', ...throughApt(conffileOptions('keep')), '-f', 'install'),
  reinstall: (specs: readonly string[]): Argv =>
    aptGet('--no-remove', ...throughApt(conffileOptions('keep')), '--reinstall', 'install', ...specs),
  /** Without our options: they name our own place for packages. */
  clearCache: (): Argv => ['/usr/bin/apt-get', '-q', 'clean'],
  simulateAutoremoval: (): Argv => aptGet('-s', 'autoremove'),
  simulatePurge: (names: readonly string[]): Argv => aptGet('-s', '--purge', 'remove', ...names),
  purge: (names: readonly string[]): Argv => aptGet('--purge', 'remove', ...names),
  conffiles: (names: readonly string[]): Argv => ['/usr/bin/dpkg-query', '-W', '-f', CONFFILES_FORMAT, '--', ...names],
  files: (names: readonly string[]): Argv => ['/usr/bin/dpkg-query', '-L', '--', ...names],
  automatic: (): Argv => ['/usr/bin/apt-mark', 'showauto'],
  mark: (as: 'auto' | 'hold' | 'unhold', names: readonly string[]): Argv => ['/usr/bin/apt-mark', as, ...names],
};
