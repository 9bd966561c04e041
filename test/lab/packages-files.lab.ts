import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type OsPackageFixture, osPackageConformance } from '@tidemark/agent/platform/os-package.conformance.ts';
import { findOsPackages } from '@tidemark/agent/platform/os-packages-of.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { ensureBase } from './base.ts';
import { ensureFamily, type Family, pacmanConfiguration, REPOSITORY_FILES, rpmSource } from './families.ts';
import { installKernelRpms, NEW_KERNELS } from './kernels.ts';
import { cloneTree, type PackageTree, serveFiles } from './package-tree.ts';

/* The managers that install from files, in trees that are entered by chroot: no system needs to run for what they do. */

/** Takes a lock as rpm does, by fcntl, and says so. */
const LOCKER = `use Fcntl; open F, ">>", $ARGV[0] or die; my $l = pack("s s l! l! i", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die; $| = 1; print "locked"; <STDIN>`;
/** Has a file open that is there only while it runs, as pacman has its mark. */
const HOLDER = `open F, ">", $ARGV[0] or die; $| = 1; print "locked"; <STDIN>; unlink $ARGV[0]`;

/** dnf's exclusions; the managers of the others have only holds. */
const PINS = '/etc/dnf/dnf.conf';

interface Kind {
  family: Exclude<Family, 'apt'>;
  repositoryFile: string;
  source(address: string): string;
  file(of: string): string;
  endings: { kept: string; replaced: string };
  lock(tree: PackageTree): ChildProcess;
  /** Brings these onto the server, before any test. */
  installOld: readonly string[];
  downloadByHand: readonly string[];
  hasKernels: boolean;
  pin: boolean;
}

const demoRpm = (of: string) => `rpm/broken/demo-svc-${of}-1.noarch.rpm`;
const rpmEndings = { kept: '.rpmnew', replaced: '.rpmsave' };

const KINDS: readonly Kind[] = [
  {
    family: 'rpm',
    repositoryFile: REPOSITORY_FILES.rpm,
    source: address => rpmSource('broken', address),
    file: demoRpm,
    endings: rpmEndings,
    lock: tree => spawn('perl', ['-e', LOCKER, tree.path('/var/lib/rpm/.rpm.lock')]),
    installOld: ['dnf', '-y', '-q', 'install', 'demo-app-1.0', 'demo-lib-1.0'],
    downloadByHand: ['dnf', '-y', '-q', '--downloadonly', 'install', 'demo-svc-1.1'],
    hasKernels: true,
    pin: true,
  },
  {
    family: 'zypper',
    repositoryFile: REPOSITORY_FILES.zypper,
    source: address => rpmSource('broken', address),
    file: demoRpm,
    endings: rpmEndings,
    lock: tree => spawn('perl', ['-e', LOCKER, tree.path('/var/lib/rpm/.rpm.lock')]),
    installOld: ['zypper', '-n', 'install', 'demo-app=1.0', 'demo-lib=1.0'],
    downloadByHand: ['zypper', '-n', 'install', '--download-only', 'demo-svc=1.1'],
    hasKernels: true,
    pin: false,
  },
  {
    family: 'pacman',
    repositoryFile: REPOSITORY_FILES.pacman,
    source: address => pacmanConfiguration('broken', address),
    file: of => `pacman/demo-svc-${of}-1-any.pkg.tar.zst`,
    endings: { kept: '.pacnew', replaced: '.pacsave' },
    lock: tree => spawn('perl', ['-e', HOLDER, tree.path('/var/lib/pacman/db.lck')]),
    installOld: ['pacman', '-S', '--noconfirm', 'stable/demo-app', 'stable/demo-lib'],
    downloadByHand: ['pacman', '-Sw', '--noconfirm', 'updates/demo-svc'],
    hasKernels: false,
    pin: false,
  },
];

async function fixtureOf(kind: Kind): Promise<OsPackageFixture> {
  const { tree: lower, repository } = await ensureFamily(await ensureBase(), kind.family);
  if (repository === null) throw new Error(`there is no repository for ${kind.family}`);
  const tree = await cloneTree(lower);
  const server = await serveFiles(repository);
  writeFileSync(tree.path(kind.repositoryFile), kind.source(server.url));
  const packages = findOsPackages(tree.place, systemClock);
  if (!packages) throw new Error(`nobody looks after the packages of ${kind.family}`);
  await packages.refresh({ lockWaitMs: 0 });
  await tree.chroot(...kind.installOld);
  const configuration = kind.pin ? readFileSync(tree.path(PINS), 'utf8') : '';
  return {
    packages,
    version: of => `${of}-1`,
    file: of => join(repository, kind.file(of)),
    entangled: ['demo-app', '1.1-1'],
    read: path => readFileSync(tree.path(path), 'utf8'),
    write: (path, content) => {
      mkdirSync(dirname(tree.path(path)), { recursive: true });
      writeFileSync(tree.path(path), content);
    },
    exists: path => existsSync(tree.path(path)),
    pin: kind.pin
      ? () => {
          writeFileSync(tree.path(PINS), `${configuration}excludepkgs=demo-svc-1.1*\n`);
          return /demo-svc 1\.1-1 is kept away by a lock or an exclusion/;
        }
      : null,
    unpin: () => writeFileSync(tree.path(PINS), configuration),
    list: tree.list,
    downloadByHand: async () => {
      await tree.chroot(...kind.downloadByHand);
    },
    installKernels: kind.hasKernels
      ? async () => {
          const name = await installKernelRpms(tree.root);
          return [`${name} 1.0-1`, ...NEW_KERNELS.map(each => `${name} ${each}-1`)];
        }
      : null,
    removeFile: path => rmSync(tree.path(path), { force: true }),
    beside: (conffile, how) => conffile + kind.endings[how],
    async lock() {
      const holder = kind.lock(tree);
      const ended = once(holder, 'exit');
      await Promise.race([
        once(holder.stdout as NonNullable<typeof holder.stdout>, 'data'),
        ended.then(() => Promise.reject(new Error('the lock could not be taken'))),
      ]);
      return async () => {
        holder.stdin?.end();
        await ended;
      };
    },
    async close() {
      await tree.close();
      await server.close();
    },
  };
}

for (const kind of KINDS) osPackageConformance(kind.family, () => fixtureOf(kind));
