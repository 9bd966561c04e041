import { describe, expect, it } from 'vitest';
import type { Argv } from './command.ts';
import { createWindowsPackages } from './windows-packages.ts';
import { installScript, parseInstall, parseSearch } from './windows-update-output.ts';
import {
  describeInstallerExit,
  parseAvailable,
  parseInstallerDigest,
  parseList,
  parsePins,
  WINGET_EXITS,
} from './winget-output.ts';

/* Output in the form in which people have recorded it of winget, and in which PowerShell prints JSON. Nothing here ran on a Windows. */

const LIST = `\r   - \r   \\ \r                                                                      \rName                                   Id                             Version      Available Source
---------------------------------------------------------------------------------------------------
Git                                    Git.Git                        2.44.0       2.45.1    winget
NVM for Windows 1.1.12                 CoreyButler.NVMforWindows      1.1.12                 winget
Microsoft Edge Update                  Microsoft Edge Update          1.3.151.27
Some application with a long name      Vendor.ApplicationWithALongNa… 1.0          1.1       winget
Notepad++ (64-bit x64)                 Notepad++.Notepad++            < 8.6                  winget
Unknown things                         Vendor.Things                  Unknown                winget
3 upgrades available.
`;
const PINS = `Name Id      Version Source Pin type
-------------------------------------
Git  Git.Git 2.44.0  winget Blocking
`;
const NO_PINS = 'There are no pins configured.\n';
const DIGEST = 'ab'.repeat(32);
const SHOW = `Found Git [Git.Git]
Version: 2.45.1
Publisher: The Git Development Community
Installer:
  Installer Type: inno
  Installer Url: https://github.com/git-for-windows/git/releases/download/v2.45.1.windows.1/Git-2.45.1-64-bit.exe
  Installer SHA256: ${DIGEST}
`;
const VERSIONS = `Found Git [Git.Git]\r\nVersion\r\n-------\r\n2.45.1\r\n2.44.0\r\n`;
const update = (kb: string, installed: boolean, part: object = {}) => ({
  ...{ kb, id: '4f5a1cbb-4a3e-4d0c-9f3a-1f0a1c7c5a10', revision: 200, title: `Update (KB${kb})`, bytes: 1_000_000 },
  ...{ installed, hidden: false, ...part },
});
const SEARCH = JSON.stringify([
  update('5034441', false),
  update('5031356', true),
  update('890830', false, { hidden: true }),
]);

describe('winget', () => {
  it('lists what comes from its source, by columns, below what a terminal would have written over', () => {
    expect(parseList(LIST, new Set(['Git.Git'])).map(({ name, version, held }) => [name, version, held])).toEqual([
      ['Git.Git', '2.44.0', true],
      ['CoreyButler.NVMforWindows', '1.1.12', false],
      ['Notepad++.Notepad++', '8.6', false],
    ]);
    expect([...parseAvailable(LIST)]).toEqual([['Git.Git', '2.45.1']]);
    expect([...parsePins(PINS), ...parsePins(NO_PINS)]).toEqual(['Git.Git']);
    expect([parseInstallerDigest(SHOW), parseInstallerDigest('Found Git [Git.Git]\n')]).toEqual([DIGEST, null]);
  });

  it.each([
    ['Installer failed with exit code: 1603\n', /ended with 1603, a fatal error/],
    ['Installer failed with exit code: 1638\n', /another version of it is installed/],
    ['Installer failed with exit code: 5\n', /^its installer ended with 5$/],
  ])('says what Windows Installer meant: %s', (text, words) => {
    expect(describeInstallerExit(text)).toMatch(words);
  });
});

describe('the Windows Update Agent', () => {
  it('is read also where PowerShell writes one update, or none', () => {
    expect(parseSearch(JSON.stringify(update('1234', true)))).toHaveLength(1);
    expect(parseSearch('')).toEqual([]);
    expect(parseSearch('{"title": "another thing"}')).toBeNull();
    expect(parseInstall('Exception calling "Search"')).toBeNull();
  });

  it('gets numbers of articles and nothing else', () => {
    expect(installScript(['5034441'], 'install')).toContain("@('5034441')");
    expect(() => installScript(["1'; Remove-Item C:\\"], 'install')).toThrow(/is no number of an update/);
  });
});

describe('packages of Windows', () => {
  interface World {
    list?: string;
    pins?: string;
    install?: { status: number; text?: string };
    updates?: object;
  }
  function server({ list = LIST, pins = NO_PINS, install = { status: 0 }, updates }: World = {}) {
    const ran: string[] = [];
    let listed = list;
    const run = async (argv: Argv) => {
      const line = argv.slice(1).join(' ');
      ran.push(line);
      if (line.includes('.Install()') || line.includes('.Download(); $e'))
        return { status: 0, text: JSON.stringify(updates) };
      if (line.includes('.Search(')) return { status: 0, text: SEARCH };
      if (line.startsWith('pin list')) return { status: 0, text: pins };
      if (line.startsWith('list')) return { status: 0, text: listed };
      if (line.startsWith('show') && line.includes('--versions')) return { status: 0, text: VERSIONS };
      if (line.startsWith('show'))
        return line.includes('2.45.1') ? { status: 0, text: SHOW } : { status: WINGET_EXITS.notFound, text: '' };
      if (line.startsWith('install')) {
        if (install.status === 0) listed = listed.replace('2.44.0       2.45.1', '2.45.1             ');
        return { text: '', ...install };
      }
      return { status: line.startsWith('query') ? 1 : 0, text: '' };
    };
    return { packages: createWindowsPackages({ run }, '/winget.exe'), ran };
  }
  const exact = (name: string, version: string, sha256: `sha256:${string}` | null = null) => ({
    ...{ name, version, architecture: null, sha256 },
  });
  const wish = (...packages: ReturnType<typeof exact>[]) => ({
    ...{ packages, conffiles: 'keep' as const, others: 'refuse' as const, mode: 'upgrade' as const, lockWaitMs: 0 },
  });

  it('are applications and updates', async () => {
    const { packages } = server();
    expect((await packages.installed()).map(({ name }) => name)).toContain('KB5031356');
    expect([...(await packages.updates())]).toEqual([
      ['KB5034441', '200'],
      ['Git.Git', '2.45.1'],
    ]);
    expect(await packages.pending()).toEqual({ interrupted: false, broken: [], lockedBy: null });
  });

  it('come in exactly the version that is ordered, from the file that was approved', async () => {
    const { packages, ran } = server();
    const done = await packages.change(wish(exact('Git.Git', '2.45.1', `sha256:${DIGEST}`)));
    expect(done.changes).toEqual([{ name: 'Git.Git', from: '2.44.0', to: '2.45.1' }]);
    expect(ran.find(line => line.startsWith('install'))).toMatch(
      /--id Git.Git --exact --version 2.45.1 --source winget --silent/,
    );
  });

  it.each([
    ['another file', exact('Git.Git', '2.45.1', `sha256:${'cd'.repeat(32)}`), {}, 'wrong-digest'],
    ['a version that no source has', exact('Git.Git', '9.9'), {}, 'unavailable'],
    ['an application that is not there', exact('Vendor.Other', '2.45.1'), {}, 'not-installed'],
    ['one that is held', exact('Git.Git', '2.45.1'), { pins: PINS }, 'held'],
    ['an update that is not offered', exact('KB5034441', '201'), {}, 'unavailable'],
    ['an update with a digest', exact('KB5034441', '200', `sha256:${DIGEST}`), {}, 'wrong-digest'],
    [
      'another installation in progress',
      exact('Git.Git', '2.45.1'),
      { install: { status: WINGET_EXITS.busy } },
      'locked',
    ],
    [
      'an installer that fails',
      exact('Git.Git', '2.45.1'),
      { install: { status: -1978335226, text: 'Installer failed with exit code: 1603\n' } },
      'failed',
    ],
  ])('are refused with %s', async (_what, what, world: World, code) => {
    await expect(server(world).packages.change(wish(what))).rejects.toMatchObject({ code });
  });

  it('are updated by Windows itself, and it is told which update failed', async () => {
    const each = (code: number, hresult = 0) => ({ code, reboot: true, each: [{ kb: '5034441', code, hresult }] });
    const good = server({ updates: each(2) });
    expect((await good.packages.change(wish(exact('KB5034441', '200')))).changes).toEqual([
      { name: 'KB5034441', from: null, to: '200' },
    ]);
    const bad = server({ updates: each(4, -2145124329) });
    await expect(bad.packages.change(wish(exact('KB5034441', '200')))).rejects.toThrow(
      /KB5034441: result 4, 0x80240017/,
    );
  });

  it('say which of them cannot be taken back', async () => {
    const { packages } = server({
      updates: { code: 2, reboot: false, each: [{ kb: '5034441', code: 2, hresult: 0 }] },
    });
    const back = [exact('Git.Git', '2.44.0'), exact('Git.Git', '2.0'), exact('KB5034441', '200')];
    const done = await packages.download({ ...wish(exact('KB5034441', '200')), back });
    expect(done).toMatchObject({ downloadBytes: 1_000_000, noWayBack: ['Git.Git 2.0', 'KB5034441 200'] });
  });

  it('that are updates are neither removed nor held by an order', async () => {
    const { packages } = server();
    await expect(packages.remove({ names: ['KB5031356'], others: 'refuse', lockWaitMs: 0 })).rejects.toThrow(
      /no order removes/,
    );
    await expect(packages.hold(['KB5031356'])).rejects.toThrow(/hide it by hand/);
    expect(await packages.hold(['Git.Git'])).toEqual(['Git.Git']);
  });
});
