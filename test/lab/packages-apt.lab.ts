import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createApt } from '@tidemark/agent/platform/apt.ts';
import { type OsPackageFixture, osPackageConformance } from '@tidemark/agent/platform/os-package.conformance.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { aptSource, ensureBase } from './base.ts';
import { run } from './command.ts';
import { installKernelDebs, NEW_KERNELS } from './kernels.ts';
import { cloneTree, serveFiles } from './package-tree.ts';

/* apt and dpkg, in a tree that is entered by chroot: no system needs to run for what they do to packages. */

const PINS = '/etc/apt/preferences.d/site';

/** Takes a lock as dpkg does, by fcntl, and says so. */
const LOCKER = `use Fcntl; open F, ">", $ARGV[0] or die; my $l = pack("s s l! l! i", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die; $| = 1; print "locked"; <STDIN>`;

async function aptFixture(): Promise<OsPackageFixture> {
  const base = await ensureBase();
  const tree = await cloneTree(base.tree);
  const repository = await serveFiles(base.repository);
  const address = (suite: string) => aptSource(suite).replace(/http:\/\/\S+/, repository.url);
  writeFileSync(tree.path('/etc/apt/sources.list'), ['updates', 'broken'].map(address).join(''));
  const listed = await run(['apt-ftparchive', 'packages', 'pool/updates'], { cwd: base.repository });
  const openssl = /^Package: openssl\nVersion: (\S+)|^Package: openssl\n(?:.+\n)*?Version: (\S+)/m.exec(listed.stdout);
  return {
    packages: createApt(tree.place, systemClock),
    version: of => of,
    file: of => join(base.repository, `pool/demo/demo-svc_${of}_all.deb`),
    entangled: ['openssl', openssl?.[1] ?? openssl?.[2] ?? ''],
    read: path => readFileSync(tree.path(path), 'utf8'),
    write: (path, content) => {
      mkdirSync(dirname(tree.path(path)), { recursive: true });
      writeFileSync(tree.path(path), content);
    },
    exists: path => existsSync(tree.path(path)),
    pin() {
      writeFileSync(tree.path(PINS), 'Package: demo-svc\nPin: version 1.0*\nPin-Priority: 1001\n');
      return /demo-svc is pinned to 1\.0 .*1\.1 is past that pin \(\/etc\/apt\/preferences\.d\/site: "Pin: version 1\.0\*/;
    },
    unpin: () => rmSync(tree.path(PINS)),
    list: tree.list,
    downloadByHand: async () => {
      await tree.chroot('apt-get', '-q', '-y', '--download-only', 'install', 'demo-svc=1.1');
    },
    async installKernels() {
      const running = await installKernelDebs(tree.root);
      return [`${running} 1.0-1`, ...NEW_KERNELS.map(each => `linux-image-${each}.0-1-amd64 ${each}-1`)];
    },
    removeFile: path => rmSync(tree.path(path), { force: true }),
    beside: (conffile, how) => `${conffile}.${how === 'kept' ? 'dpkg-dist' : 'dpkg-old'}`,
    async lock() {
      const holder = spawn('perl', ['-e', LOCKER, tree.path('/var/lib/dpkg/lock-frontend')]);
      const ended = once(holder, 'exit');
      await Promise.race([
        once(holder.stdout, 'data'),
        ended.then(() => Promise.reject(new Error('the lock could not be taken'))),
      ]);
      return async () => {
        holder.stdin.end();
        await ended;
      };
    },
    async close() {
      await tree.close();
      await repository.close();
    },
  };
}

osPackageConformance('apt', aptFixture);
