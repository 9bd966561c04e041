import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type OsPackageFixture, osPackageConformance } from '@tidemark/agent/platform/os-package.conformance.ts';
import { findOsPackages } from '@tidemark/agent/platform/os-packages-of.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { describe, it } from 'vitest';
import { buildApkRepository } from './apk-repository.ts';
import { ensureBase } from './base.ts';
import { runOk } from './command.ts';
import { cloneTree, serveFiles } from './package-tree.ts';

/*
 * apk, in a tree that is entered by chroot and has a package database of its own. Debian has no apk: where one lies on this
 * machine's path (built from apk-tools' source, or on an Alpine), it is taken along, else nothing of this is run.
 */

const APK = findApk();

/** Takes a lock as apk does, by flock, and says so. */
const LOCKER = `use Fcntl ":flock"; open F, "+<", $ARGV[0] or die; flock(F, LOCK_EX) or die; $| = 1; print "locked"; <STDIN>`;

async function apkFixture(apk: string): Promise<OsPackageFixture> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-apk-'));
  const repository = await buildApkRepository(directory, apk);
  const tree = await cloneTree((await ensureBase()).tree);
  const server = await serveFiles(directory);
  // Where a dpkg looks after a server, nothing else does.
  rmSync(tree.path('/var/lib/dpkg/status'));
  copyFileSync(apk, tree.path('/usr/sbin/apk'));
  await runOk(['chroot', tree.root, 'apk', 'add', '--initdb']);
  mkdirSync(tree.path('/etc/apk/keys'), { recursive: true });
  writeFileSync(tree.path(`/etc/apk/keys/${repository.key.name}`), repository.key.pem);
  writeFileSync(tree.path('/etc/apk/repositories'), `${server.url}\n`);
  await runOk(['chroot', tree.root, 'apk', 'add', 'demo-app=1.0-r0', 'demo-lib=1.0-r0']);
  // Wanted in whichever version: what names one is held.
  writeFileSync(tree.path('/etc/apk/world'), 'demo-app\n');
  const packages = findOsPackages(tree.place, systemClock);
  if (packages?.manager !== 'apk') throw new Error('nobody looks after the packages of apk');
  return {
    packages,
    version: of => `${of}-r0`,
    file: of => repository.file('demo-svc', of),
    entangled: ['demo-app', '1.1-r0'],
    read: path => readFileSync(tree.path(path), 'utf8'),
    write: (path, content) => {
      mkdirSync(dirname(tree.path(path)), { recursive: true });
      writeFileSync(tree.path(path), content);
    },
    exists: path => existsSync(tree.path(path)),
    pin: null,
    unpin: () => undefined,
    list: tree.list,
    async downloadByHand() {
      mkdirSync(tree.path('/etc/apk/cache'), { recursive: true });
      await tree.chroot('apk', 'cache', 'download', '--add-dependencies', 'demo-svc=1.1-r0');
    },
    installKernels: null,
    removeFile: path => rmSync(tree.path(path), { force: true }),
    beside: (conffile, how) => `${conffile}${how === 'kept' ? '.apk-new' : '.apk-old'}`,
    async lock() {
      const holder = spawn('perl', ['-e', LOCKER, tree.path('/lib/apk/db/lock')]);
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
      await server.close();
      rmSync(directory, { recursive: true });
    },
  };
}

function findApk(): string | null {
  try {
    return execFileSync('sh', ['-c', 'command -v apk'], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}

if (APK === null)
  describe.skip('the packages of apk', () => it('are not tried: there is no apk on this machine', () => {}));
else osPackageConformance('apk', () => apkFixture(APK));
