import { describe, expect, it } from 'vitest';
import {
  archiveName,
  parseCandidates,
  parseConffiles,
  parseErrors,
  parseFailures,
  parseInstalled,
  parseLock,
  parseRefreshFailures,
  parseSimulation,
  parseUnavailable,
  parseUnmet,
  saysInterrupted,
} from './apt-output.ts';
import { saysNoSpace } from './os-package-problems.ts';

/* What apt 2.6 and dpkg 1.21 of Debian 12 wrote, as it was recorded. */

const CONFFILE_AND_SCRIPT = `Reading package lists...
Building dependency tree...
Reading state information...
The following packages will be upgraded:
  demo-svc
1 upgraded, 0 newly installed, 0 to remove and 21 not upgraded.
Need to get 1148 B of archives.
After this operation, 0 B of additional disk space will be used.
debconf: delaying package configuration, since apt-utils is not installed
Fetched 1148 B in 0s (0 B/s)
(Reading database ... 11962 files and directories currently installed.)
Preparing to unpack .../archives/demo-svc_1.2_all.deb ...
Unpacking demo-svc (1.2) over (1.1) ...
Setting up demo-svc (1.2) ...

Configuration file '/etc/demo-svc/demo.conf'
 ==> Modified (by you or by a script) since installation.
 ==> Package distributor has shipped an updated version.
 ==> Keeping old config file as default.
demo-svc: migration failed
dpkg: error processing package demo-svc (--configure):
 installed demo-svc package post-installation script subprocess returned error exit status 1
Errors were encountered while processing:
 demo-svc
needrestart is being skipped since dpkg has failed
E: Sub-process /usr/bin/dpkg returned an error code (1)
`;

describe('what dpkg writes while it works', () => {
  it('says which script of which package failed, and its own last lines', () => {
    expect(parseFailures(CONFFILE_AND_SCRIPT)).toEqual([
      {
        name: 'demo-svc',
        script: 'postinst',
        reason: 'installed demo-svc package post-installation script subprocess returned error exit status 1',
        output: ['demo-svc: migration failed'],
      },
    ]);
  });

  it('says whose configuration stayed', () => {
    expect(parseConffiles(CONFFILE_AND_SCRIPT)).toEqual([{ path: '/etc/demo-svc/demo.conf', kept: true }]);
    const replaced = CONFFILE_AND_SCRIPT.replace(
      'Keeping old config file as default',
      'Using new file as you requested',
    );
    expect(parseConffiles(replaced)).toEqual([{ path: '/etc/demo-svc/demo.conf', kept: false }]);
  });

  it('says that it asked where nobody was', () => {
    const asked = `Setting up demo-svc (1.1) ...

Configuration file '/etc/demo-svc/demo.conf'
 ==> Modified (by you or by a script) since installation.
 ==> Package distributor has shipped an updated version.
   What would you like to do about it ?  Your options are:
 The default action is to keep your current version.
*** demo.conf (Y/I/N/O/D/Z) [default=N] ? dpkg: error processing package demo-svc (--configure):
 end of file on stdin at conffile prompt
Errors were encountered while processing:
 demo-svc
`;
    expect(parseFailures(asked)).toMatchObject([{ name: 'demo-svc', script: null, output: [] }]);
    expect(parseConffiles(asked)).toEqual([]);
  });

  it('says that a disk was full, and of which archive', () => {
    const full = `dpkg: error processing archive /var/cache/apt/archives/perl-modules-5.36_5.36.0-7+deb12u4_all.deb (--unpack):
 cannot copy extracted data for './usr/share/perl/5.36.0/x' to '/usr/share/perl/5.36.0/x.dpkg-new': failed to write (No space left on device)
`;
    expect(parseFailures(full)).toMatchObject([{ script: null, reason: expect.stringContaining('No space left') }]);
    expect(saysNoSpace(full)).toBe(true);
  });

  it('is read also where a script did not end its line', () => {
    const text = `Setting up demo-svc (1.2) ...
no database, dpkg: error processing package demo-svc (--configure):
 installed demo-svc package post-installation script subprocess was killed by signal (Terminated)
`;
    expect(parseFailures(text)).toMatchObject([{ script: 'postinst', output: ['no database,'] }]);
  });

  it('leaves out packages that only wait for the one that failed', () => {
    const waiting = `dpkg: error processing package b (--configure):
 dependency problems - leaving unconfigured
`;
    expect(parseFailures(waiting)).toEqual([]);
  });
});

describe('what apt would do', () => {
  it('is read line by line, with what is new, foreign, removed and only to be configured', () => {
    expect(
      parseSimulation(`Inst demo-svc [1.0] (1.1 Lab:updates, Lab:broken [all])
Inst libssl3 [3.0.20-1~deb12u2] (3.0.22-1~deb12u2 Lab:updates [amd64]) [openssl:amd64 ]
Inst libc6:i386 (2.36-9 Lab:stable [i386])
Remv nginx-light [1.22.1-9+deb12u9]
Conf demo-svc (1.1 Lab:updates, Lab:broken [all])
`),
    ).toEqual({
      changes: [
        { name: 'demo-svc', from: '1.0', to: '1.1' },
        { name: 'libssl3', from: '3.0.20-1~deb12u2', to: '3.0.22-1~deb12u2' },
        { name: 'libc6:i386', from: null, to: '2.36-9' },
      ],
      removals: [{ name: 'nginx-light', from: '1.22.1-9+deb12u9', to: null }],
      configured: ['demo-svc'],
    });
  });

  it.each([
    ["E: Version '9.9' for 'demo-svc' was not found", ['demo-svc 9.9']],
    ['E: Unable to locate package nosuch', ['nosuch']],
    ["E: Package 'x' has no installation candidate", ['x']],
    ['E: Sub-process /usr/bin/dpkg returned an error code (1)', []],
  ])('is nothing after %j', (text, missing) => {
    expect(parseUnavailable(text)).toEqual(missing);
  });

  it('cannot be where versions do not fit', () => {
    const unmet = `The following packages have unmet dependencies:
 openssl : Depends: libssl3 (>= 3.0.22) but 3.0.20-1~deb12u2 is to be installed
E: Unable to correct problems, you have held broken packages.
`;
    expect(parseUnmet(unmet)).toBe('openssl : Depends: libssl3 (>= 3.0.22) but 3.0.20-1~deb12u2 is to be installed');
    expect(parseErrors(unmet)).toBe('Unable to correct problems, you have held broken packages.');
  });
});

describe('who has a lock', () => {
  it.each([
    [
      'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 31762 (perl)\nE: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?',
      { path: '/var/lib/dpkg/lock-frontend', pid: 31762, name: 'perl' },
    ],
    [
      'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 31864 (unattended-upgr)',
      { path: '/var/lib/apt/lists/lock', pid: 31864, name: 'unattended-upgr' },
    ],
    [
      'E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?',
      { path: '/var/lib/dpkg/lock-frontend', pid: 0, name: '' },
    ],
    [
      'dpkg: error: dpkg frontend lock was locked by another process with pid 4242\nNote: removing the lock file is always wrong',
      { path: '/var/lib/dpkg/lock', pid: 4242, name: '' },
    ],
  ])('is read from %j', (text, lock) => {
    expect(parseLock(text)).toEqual(lock);
  });

  it('is nobody where something else went wrong', () => {
    expect(parseLock(CONFFILE_AND_SCRIPT)).toBeNull();
  });
});

describe('the package database', () => {
  it('is read with what is held and what is half way, without what only left its configuration', () => {
    expect(
      parseInstalled(
        'adduser\tall\t3.134\tinstall\tok\tinstalled\ndemo-svc\tall\t1.2\thold\tok\thalf-configured\nold\tamd64\t1\tdeinstall\tok\tconfig-files\n',
      ),
    ).toEqual([
      { name: 'adduser', architecture: 'all', version: '3.134', held: false, state: 'installed' },
      { name: 'demo-svc', architecture: 'all', version: '1.2', held: true, state: 'half-configured' },
    ]);
  });

  it('knows what is to be unpacked again, also where dpkg had written "unpacked" already', () => {
    expect(parseInstalled('libpam0g\tamd64\t1.5\tinstall\treinstreq\tunpacked\n')).toMatchObject([
      { name: 'libpam0g', state: 'half-installed' },
    ]);
  });

  it('was left half written', () => {
    expect(
      saysInterrupted("E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem. "),
    ).toBe(true);
  });
});

describe('the lists of the repositories', () => {
  const stanza = `Package: tar
Version: 1:1.34+dfsg-1.2
Architecture: amd64
Installed-Size: 3144
SHA256: ${'AB'.repeat(32)}
Size: 880000
`;

  it('say what a file must be and how large it is; what only the database knows is no candidate', () => {
    const [candidate, ...others] = parseCandidates(
      `${stanza}\nPackage: tar\nStatus: install ok installed\nVersion: 1\n`,
    );
    expect(others).toEqual([]);
    expect(candidate).toEqual({
      name: 'tar',
      version: '1:1.34+dfsg-1.2',
      architecture: 'amd64',
      sha256: 'ab'.repeat(32),
      bytes: 880_000,
      unpackedBytes: 3144 * 1024,
    });
    expect(candidate && archiveName(candidate)).toBe('tar_1%3a1.34+dfsg-1.2_amd64.deb');
  });

  it('could not be had, although apt-get ended with 0', () => {
    const warnings = `W: Failed to fetch http://127.0.0.1:1/dists/x/InRelease  Could not connect
W: Some index files failed to download. They have been ignored, or old ones used instead.
`;
    expect(parseRefreshFailures(warnings)).toEqual([
      'Failed to fetch http://127.0.0.1:1/dists/x/InRelease  Could not connect',
    ]);
  });
});
