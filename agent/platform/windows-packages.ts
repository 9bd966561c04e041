import { readdirSync } from 'node:fs';
import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import { capture } from './capture.ts';
import type { Argv, CommandPlace } from './command.ts';
import {
  type ChangeRequest,
  type InstalledPackage,
  OsPackageProblem,
  type OsPackages,
  type VersionChange,
} from './os-package.ts';
import { list } from './os-package-problems.ts';
import { resolveBelow } from './server-path.ts';
import {
  installScript,
  parseInstall,
  parseSearch,
  RESULT,
  searchScript,
  type WindowsUpdate,
} from './windows-update-output.ts';
import {
  describeInstallerExit,
  parseAvailable,
  parseInstallerDigest,
  parseList,
  parsePins,
  parseVersions,
  WINGET_EXITS,
} from './winget-output.ts';

/*
 * Packages of Windows: updates by the Windows Update Agent, named by their article (`KB5034441`) in the revision as version;
 * applications by winget, named by their id (`Git.Git`), whose installers are mostly Windows Installer's. Written against
 * recorded output and tried with that alone: it has not been run on a Windows.
 */

export interface WindowsTool {
  run(argv: Argv): Promise<{ status: number | null; text: string }>;
}

/** Server paths: below the system drive. */
const POWERSHELL = '/Windows/System32/WindowsPowerShell/v1.0/powershell.exe';
const REG = '/Windows/System32/reg.exe';
const APPS = '/Program Files/WindowsApps';
/** There while Windows Installer works (learn.microsoft.com, "_MSIExecute mutex"). */
const INSTALLER_BUSY = 'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Installer\\InProgress';

export const WINDOWS_MARK = POWERSHELL;

export const windowsTool = (place: CommandPlace): WindowsTool => ({
  async run(argv) {
    const end = await capture(argv, place);
    return { status: end.status, text: end.stdout };
  },
});

/** For a service winget has no alias: it is called where it lies. Null where it is not installed. */
export function findWinget(root: string): string | null {
  try {
    const versions = readdirSync(resolveBelow(root, APPS)).filter(name =>
      /^Microsoft\.DesktopAppInstaller_.*_(x64|arm64)__8wekyb3d8bbwe$/.test(name),
    );
    const newest = versions.sort().at(-1);
    return newest === undefined ? null : `${APPS}/${newest}/winget.exe`;
  } catch {
    return null;
  }
}

const AGREE = ['--accept-source-agreements', '--disable-interactivity'];
const isUpdate = (name: string): boolean => /^KB\d/.test(name);
const kbOf = (name: string): string => name.slice('KB'.length);

interface Seen {
  installed: InstalledPackage[];
  updates: Map<string, string>;
  offered: WindowsUpdate[];
}

/** `winget` is null where there is none: then there are only updates of Windows. */
export function createWindowsPackages(tool: WindowsTool, winget: string | null): OsPackages {
  const powershell = (script: string): Argv => [POWERSHELL, '-NoProfile', '-NonInteractive', '-Command', script];
  const app = (...args: string[]): Argv => [winget ?? 'winget', ...args, ...AGREE];

  async function look(): Promise<Seen> {
    const found = parseSearch((await tool.run(powershell(searchScript()))).text);
    if (found === null)
      throw new OsPackageProblem('failed', 'the Windows Update Agent could not be asked; see the service wuauserv');
    const named = found.filter(({ kb }) => kb !== '');
    const installed = named
      .filter(each => each.installed)
      .map(({ kb, revision, hidden }): InstalledPackage => {
        return { name: `KB${kb}`, version: String(revision), architecture: 'any', held: hidden, state: 'installed' };
      });
    const offered = named.filter(each => !each.installed && !each.hidden);
    const updates = new Map(offered.map(({ kb, revision }) => [`KB${kb}`, String(revision)]));
    if (winget === null) return { installed, updates, offered };
    const pins = parsePins((await tool.run(app('pin', 'list'))).text);
    const listed = (await tool.run(app('list', '--source', 'winget'))).text;
    const newer = parseAvailable(listed);
    return { installed: [...installed, ...parseList(listed, pins)], updates: new Map([...updates, ...newer]), offered };
  }

  /** What would change; throws where it cannot, before anything has. */
  async function plan(seen: Seen, { packages, mode }: Pick<ChangeRequest, 'packages' | 'mode'>) {
    const have = new Map(seen.installed.map(each => [each.name, each]));
    const open = packages.filter(({ name, version }) => have.get(name)?.version !== version);
    const held = open.filter(({ name }) => have.get(name)?.held).map(({ name }) => name);
    if (held.length > 0)
      throw new OsPackageProblem(
        'held',
        `${list(held)} is held on this server; take the hold away or the package out of the bundle`,
      );
    const absent = open.filter(({ name }) => !isUpdate(name) && !have.has(name)).map(({ name }) => name);
    if (mode === 'upgrade' && absent.length > 0)
      throw new OsPackageProblem('not-installed', `${list(absent)} cannot be upgraded: not installed here`);
    for (const exact of open) await checkOffer(seen, exact);
    const changes = open.map(({ name, version }): VersionChange => {
      return { name, from: have.get(name)?.version ?? null, to: version };
    });
    return { open, changes, unchanged: packages.filter(each => !open.includes(each)).map(({ name }) => name) };
  }

  async function checkOffer(seen: Seen, { name, version, sha256 }: ExactPackage): Promise<void> {
    const missing = () =>
      new OsPackageProblem(
        'unavailable',
        `${name} ${version} is not offered to this server; correct the bundle, or see its sources`,
      );
    if (isUpdate(name)) {
      if (!seen.offered.some(({ kb, revision }) => `KB${kb}` === name && String(revision) === version)) throw missing();
      if (sha256 !== null)
        throw new OsPackageProblem(
          'wrong-digest',
          `${name} has no file whose digest could be compared: Windows checks Microsoft's signature itself; leave the digest out of the bundle`,
        );
      return;
    }
    if (winget === null) throw new OsPackageProblem('unavailable', `${name} needs winget, which is not installed here`);
    const shown = await tool.run(app('show', '--id', name, '--exact', '--version', version, '--source', 'winget'));
    if (shown.status !== WINGET_EXITS.done) throw missing();
    const found = parseInstallerDigest(shown.text);
    if (sha256 !== null && `sha256:${found}` !== sha256)
      throw new OsPackageProblem(
        'wrong-digest',
        `${name} ${version} would be installed from a file with SHA-256 ${found ?? 'unknown'}: it is not the package that was approved`,
      );
  }

  async function update(kbs: readonly string[], only: 'download' | 'install'): Promise<void> {
    const result = parseInstall((await tool.run(powershell(installScript(kbs, only)))).text);
    const bad =
      result?.each.filter(({ code }) => code !== RESULT.succeeded && code !== RESULT.succeededWithErrors) ?? [];
    if (result && bad.length === 0 && result.each.length === kbs.length) return;
    const why = bad.map(({ kb, code, hresult }) => `KB${kb}: result ${code}, 0x${(hresult >>> 0).toString(16)}`);
    throw new OsPackageProblem(
      'failed',
      `updates of Windows failed: ${list(why) || 'no result came back'}; see C:\\Windows\\WindowsUpdate.log`,
    );
  }

  async function install({ name, version }: ExactPackage): Promise<void> {
    const how = ['--exact', '--version', version, '--source', 'winget', '--silent', '--force'];
    const end = await tool.run(app('install', '--id', name, ...how, '--accept-package-agreements'));
    switch (end.status) {
      case WINGET_EXITS.done:
      case WINGET_EXITS.notNewer:
      case WINGET_EXITS.rebootToFinish:
        return;
      case WINGET_EXITS.busy:
        throw new OsPackageProblem('locked', `another installation is in progress; ${name} was not changed; try again`);
      case WINGET_EXITS.noSpace:
        throw new OsPackageProblem('no-space', `${name}: the disk is full; free some and try again`);
      case WINGET_EXITS.wrongDigest:
        throw new OsPackageProblem(
          'wrong-digest',
          `${name} ${version}: its installer is not what winget's source says`,
        );
      default:
        throw new OsPackageProblem(
          'failed',
          `${name} ${version} could not be installed: ${describeInstallerExit(end.text) ?? `winget ended with ${end.status}`}`,
        );
    }
  }

  return {
    manager: 'windows',
    cleaning: null,
    // Updates have no configuration, and nobody says which files are theirs.
    changedConffiles: async () => [],
    filesOf: async () => [],
    async removal(names) {
      const { installed } = await look();
      return installed
        .filter(({ name }) => names.includes(name))
        .map(({ name, version }) => ({ name, from: version, to: null }));
    },
    installed: async () => (await look()).installed,
    updates: async () => (await look()).updates,
    async pending() {
      const busy = (await tool.run([REG, 'query', INSTALLER_BUSY])).status === 0;
      return { interrupted: false, broken: [], lockedBy: busy ? { pid: 0, name: 'Windows Installer' } : null };
    },
    async refresh() {
      // The Windows Update Agent asks its source whenever it is asked.
      if (winget === null) return;
      const end = await tool.run([winget, 'source', 'update', '--disable-interactivity']);
      if (end.status !== WINGET_EXITS.done)
        throw new OsPackageProblem('refresh-failed', `winget's sources could not be updated: status ${end.status}`);
    },
    async need(request) {
      const seen = await look();
      const { changes } = await plan(seen, request);
      return { changes, sizes: new Map(), downloadBytes: bytesOf(seen, changes), unpackedBytes: 0 };
    },
    /** Applications are fetched by winget when they are installed: it cannot keep them for later. */
    async download({ back, ...request }) {
      const seen = await look();
      const { open, changes } = await plan(seen, request);
      const kbs = open.filter(({ name }) => isUpdate(name)).map(({ name }) => kbOf(name));
      if (kbs.length > 0) await update(kbs, 'download');
      const noWayBack: string[] = [];
      for (const { name, version } of back) {
        const shown = isUpdate(name) ? null : await tool.run(app('show', '--id', name, '--exact', '--versions'));
        if (!shown || !parseVersions(shown.text).includes(version)) noWayBack.push(`${name} ${version}`);
      }
      return { changes, downloadBytes: bytesOf(seen, changes), unpackedBytes: 0, noWayBack };
    },
    async change(request) {
      const { open, changes, unchanged } = await plan(await look(), request);
      if (open.length === 0) return { changes: [], others: [], unchanged, conffiles: [] };
      const kbs = open.filter(({ name }) => isUpdate(name)).map(({ name }) => kbOf(name));
      if (kbs.length > 0) await update(kbs, 'install');
      for (const exact of open.filter(({ name }) => !isUpdate(name))) await install(exact);
      const after = new Map((await look()).installed.map(each => [each.name, each.version]));
      // An update that waits for a boot is not installed before it.
      const wrong = open.filter(({ name, version }) => !isUpdate(name) && after.get(name) !== version);
      if (wrong.length > 0)
        throw new OsPackageProblem(
          'failed',
          `${list(wrong.map(({ name }) => `${name} is ${after.get(name) ?? 'not there'}`))} after its installer has ended`,
        );
      return { changes, others: [], unchanged, conffiles: [] };
    },
    async remove({ names }) {
      const before = (await look()).installed.filter(({ name }) => names.includes(name));
      const updates = before.filter(({ name }) => isUpdate(name)).map(({ name }) => name);
      if (updates.length > 0)
        throw new OsPackageProblem(
          'failed',
          `${list(updates)} is an update of Windows, which no order removes; use wusa by hand`,
        );
      for (const { name } of before) {
        const end = await tool.run(app('uninstall', '--id', name, '--exact', '--silent'));
        if (end.status !== WINGET_EXITS.done)
          throw new OsPackageProblem(
            'failed',
            `${name} could not be removed: ${describeInstallerExit(end.text) ?? `winget ended with ${end.status}`}`,
          );
      }
      return before.map(({ name, version }) => ({ name, from: version, to: null }));
    },
    hold: names => pin('add', names),
    unhold: names => pin('remove', names),
    repair: async () => [],
  };

  async function pin(how: 'add' | 'remove', names: readonly string[]): Promise<string[]> {
    const updates = names.filter(isUpdate);
    if (updates.length > 0)
      throw new OsPackageProblem(
        'failed',
        `${list(updates)} is an update of Windows: hold it where it is approved, or hide it by hand`,
      );
    const seen = new Map((await look()).installed.map(each => [each.name, each.held]));
    const open = names.filter(name => seen.get(name) !== (how === 'add'));
    for (const name of open) {
      const end = await tool.run(app('pin', how, '--id', name, '--exact', ...(how === 'add' ? ['--blocking'] : [])));
      if (end.status !== WINGET_EXITS.done)
        throw new OsPackageProblem(
          'failed',
          `the hold of ${name} could not be changed: winget ended with ${end.status}`,
        );
    }
    return open;
  }
}

const bytesOf = ({ offered }: Seen, changes: readonly VersionChange[]): number =>
  offered.filter(({ kb }) => changes.some(({ name }) => name === `KB${kb}`)).reduce((sum, { bytes }) => sum + bytes, 0);
