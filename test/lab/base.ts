import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { runOk } from './command.ts';
import { withLock } from './lock.ts';
import { GATEWAY, LAB_DIRECTORY, REPOSITORY_PORT } from './places.ts';
import { buildRepository } from './repository.ts';
import { type DebianSources, debianSources } from './sources.ts';

/*
 * The Debian that all hosts are clones of, and the apt repository that they patch from. It is built once and kept by
 * the hash of its recipe: of these files and of where Debian comes from.
 */

export interface Base {
  /** The lowest layer of every clone; nothing may write here. */
  tree: string;
  /** Served to the hosts, see repository.ts. */
  repository: string;
}

/** What hosts have besides the smallest Debian. */
const PACKAGES = [
  ...['systemd', 'systemd-sysv', 'dbus', 'libpam-systemd', 'procps', 'iproute2', 'netbase', 'ca-certificates'],
  // What steps deal with: timers and jobs that are held, services that are patched, what says that a restart is needed.
  ...['cron', 'at', 'needrestart', 'gnupg', 'curl', 'nginx-light', 'openssh-server', 'psmisc'],
];

/** Units that only cost time in a clone, or act by themselves where tests count what happens. */
const MASKED = [
  ...['console-getty.service', 'getty@.service', 'systemd-networkd.service', 'systemd-resolved.service'],
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'e2scrub_all.timer', 'e2scrub_reap.service', 'fstrim.timer'],
  'systemd-pstore.service',
];

const KEYRING = '/usr/share/keyrings/lab.gpg';

/** Builds the base where it is not there yet: a minute on a fresh machine, nothing afterwards. */
export function ensureBase(say: (line: string) => void = () => undefined): Promise<Base> {
  return withLock(join(LAB_DIRECTORY, 'base.lock'), async () => {
    const sources = debianSources();
    const directory = join(LAB_DIRECTORY, `base-${recipeHash(sources)}`);
    const base = { tree: join(directory, 'tree'), repository: join(directory, 'repository') };
    if (existsSync(directory)) return base;
    const begun = performance.now();
    say(`building the hosts' Debian in ${directory} (once) ...`);
    // Built aside and renamed, so that one that was interrupted counts as not there.
    for (const name of readdirSync(LAB_DIRECTORY).filter(each => each.endsWith('.building')))
      rmSync(join(LAB_DIRECTORY, name), { recursive: true, force: true });
    const building = `${directory}.building`;
    mkdirSync(building);
    await buildTree(join(building, 'tree'), join(building, 'updates'), sources);
    const repository = { directory: join(building, 'repository'), updates: join(building, 'updates') };
    const { keyring } = await buildRepository(repository, join(building, 'work'));
    copyFileSync(keyring, join(building, 'tree', KEYRING));
    rmSync(join(building, 'work'), { recursive: true });
    renameSync(building, directory);
    say(`built in ${Math.round((performance.now() - begun) / 1000)} s`);
    return base;
  });
}

function recipeHash(sources: DebianSources): string {
  const hash = createHash('sha256').update(JSON.stringify(sources));
  for (const name of ['base.ts', 'repository.ts', 'demo-svc.ts'])
    hash.update(readFileSync(join(import.meta.dirname, name)));
  return hash.digest('hex').slice(0, 12);
}

/** A tree without the newest updates, and those, downloaded, beside it: what is pending on a real server. */
async function buildTree(tree: string, updates: string, sources: DebianSources): Promise<void> {
  const { release, archive, security } = sources;
  const line = `deb ${archive} ${release} main`;
  await runOk(['mmdebstrap', '--variant=minbase', `--include=${PACKAGES.join(',')}`, release, tree, line], {
    env: quiet(),
  });
  const list = join(tree, 'etc/apt/sources.list');
  writeFileSync(list, `${line}\n${security === null ? '' : `deb ${security} ${release}-security main\n`}`);
  copyFileSync('/etc/resolv.conf', join(tree, 'etc/resolv.conf'));
  const chroot = (...argv: string[]) => runOk(['chroot', tree, ...argv], { env: quiet() });
  await chroot('apt-get', 'update', '-qq');
  await chroot('apt-get', 'dist-upgrade', '-y', '-qq', '--download-only');
  await runOk(['cp', '-r', join(tree, 'var/cache/apt/archives'), updates]);
  await chroot('apt-get', 'clean');
  rmSync(join(tree, 'var/lib/apt/lists'), { recursive: true });
  mkdirSync(join(tree, 'var/lib/apt/lists/partial'), { recursive: true });
  writeFileSync(join(tree, 'etc/resolv.conf'), '');
  // Each clone has an identity of its own.
  writeFileSync(join(tree, 'etc/machine-id'), '');
  rmSync(join(tree, 'var/lib/dbus/machine-id'), { force: true });
  await chroot('systemctl', 'mask', '-q', ...MASKED);
  writeFileSync(list, aptSource('stable'));
}

/** apt's source of a host: one suite of the lab's repository. */
export const aptSource = (suite: string): string =>
  `deb [signed-by=${KEYRING}] http://${GATEWAY}:${REPOSITORY_PORT} ${suite} main\n`;

const quiet = (): NodeJS.ProcessEnv => ({ ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' });
