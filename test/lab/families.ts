import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Base } from './base.ts';
import { run, runOk, until } from './command.ts';
import { ensureLayer } from './layer.ts';
import { withLock } from './lock.ts';
import { buildPacmanRepository } from './pacman-repository.ts';
import { GATEWAY, LAB_DIRECTORY, REPOSITORY_PORT } from './places.ts';
import { SUITES, type Suite } from './repository.ts';
import { buildRpmRepository } from './rpm-repository.ts';

/*
 * Hosts whose packages are not Debian's. Debian has the tools of the other families; a host of such a family is a clone
 * in which apt and dpkg are not there any more, with a package database of its own that holds nothing but what the lab's
 * signed repository of that family brings: `labos-release` at first. What runs below them (systemd, libc, programs) is still
 * Debian's: it is the package manager that is real, not the distribution.
 */

export type Family = 'apt' | 'rpm' | 'zypper' | 'pacman';
type OtherFamily = Exclude<Family, 'apt'>;

export interface FamilyTree {
  /** As `lowerdir` of an overlay names them. */
  tree: string;
  /** Served to the hosts beside the apt repository; null where there is none of its own. */
  repository: string | null;
}

/** Debian packages that make a host of the family. dnf's plugins and zypper cannot be on one host. */
const PACKAGES: Readonly<Record<OtherFamily, readonly string[]>> = {
  rpm: ['dnf', 'dnf-plugins-core', 'rpm', 'createrepo-c'],
  zypper: ['zypper', 'rpm'],
  pacman: ['pacman-package-manager', 'makepkg', 'libarchive-tools', 'zstd'],
};

const LIKE: Readonly<Record<OtherFamily, string>> = { rpm: 'rhel fedora', zypper: 'suse opensuse', pacman: 'arch' };

/** What makes a host apt's. */
const APT = ['usr/bin/dpkg', 'usr/bin/apt', 'usr/bin/apt-get', 'usr/bin/apt-cache', 'var/lib/dpkg', 'var/lib/apt'];

const RPM_KEY = '/etc/pki/rpm-gpg/lab.asc';
const RECIPE = ['families.ts', 'rpm-repository.ts', 'pacman-repository.ts', 'demo-svc.ts'];

/** The lowest layers of a host of the family, and its repository: built once and kept by the hash of the recipe. */
export async function ensureFamily(
  base: Base,
  family: Family,
  packages: readonly string[] = [],
  say: (line: string) => void = () => undefined,
): Promise<FamilyTree> {
  if (family === 'apt') return { tree: await ensureLayer(base, packages, say), repository: null };
  const repository = await repositoryOf(base, family, say);
  const lower = await ensureLayer(base, [...PACKAGES[family], ...packages], say);
  const upper = await once(`family-${family}`, [lower, repository], say, building =>
    changeTree(building, lower, root => becomeFamily(root, family, repository)),
  );
  return { tree: `${join(upper, 'upper')}:${lower}`, repository };
}

/** Both families of rpm have one repository, which is built by the tools of the first. */
async function repositoryOf(base: Base, family: OtherFamily, say: (line: string) => void): Promise<string> {
  const builder = family === 'zypper' ? 'rpm' : family;
  const tools = await ensureLayer(base, PACKAGES[builder], say);
  const directory = await once(`repository-${builder}`, [tools], say, async building => {
    await changeTree(building, tools, async root => {
      const build = builder === 'rpm' ? buildRpmRepository : buildPacmanRepository;
      await build(root, '/srv/lab');
      cpSync(join(root, 'srv/lab', builder), join(building, 'repository', builder), {
        recursive: true,
        verbatimSymlinks: true,
      });
    });
    rmSync(join(building, 'upper'), { recursive: true });
  });
  return join(directory, 'repository');
}

/** A directory that is built aside and renamed, so that one that was interrupted counts as not there. */
async function once(
  name: string,
  inputs: readonly string[],
  say: (line: string) => void,
  build: (building: string) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(inputs));
  for (const file of RECIPE) hash.update(readFileSync(join(import.meta.dirname, file)));
  const directory = join(LAB_DIRECTORY, `${name}-${hash.digest('hex').slice(0, 12)}`);
  await withLock(`${directory}.lock`, async () => {
    if (existsSync(directory)) return;
    const begun = performance.now();
    const building = `${directory}.making`;
    await discard(building);
    mkdirSync(building);
    try {
      await build(building);
      renameSync(building, directory);
    } finally {
      await discard(building);
    }
    say(`built ${name} in ${Math.round((performance.now() - begun) / 1000)} s`);
  });
  return directory;
}

/** Leaves what `change` makes of the tree below in `<building>/upper`. */
async function changeTree(building: string, lower: string, change: (root: string) => Promise<void>): Promise<void> {
  const [upper, work, root] = [join(building, 'upper'), join(building, 'work'), join(building, 'root')];
  for (const each of [upper, work, root]) mkdirSync(each);
  const layers = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  await runOk(['mount', '-t', 'overlay', basename(building), '-o', layers, root]);
  await runOk(['mount', '-t', 'proc', 'proc', join(root, 'proc')]);
  await change(root);
  // What was started in it (gpg's agent) may take a moment to end.
  for (const each of ['proc', ''])
    await until(`${each} is unmounted`, async () => (await run(['umount', join(root, each)])).code === 0);
  for (const each of [work, root]) rmSync(each, { recursive: true });
}

async function discard(building: string): Promise<void> {
  for (const each of ['proc', '']) {
    const mounted = join(building, 'root', each);
    if ((await run(['mountpoint', '-q', mounted])).code === 0) await runOk(['umount', '--lazy', mounted]);
  }
  rmSync(building, { recursive: true, force: true });
}

async function becomeFamily(root: string, family: OtherFamily, repository: string): Promise<void> {
  const write = (path: string, text: string) => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  rmSync(join(root, 'etc/os-release'), { force: true });
  write(
    '/etc/os-release',
    `NAME="Lab OS"\nID=labos\nID_LIKE="${LIKE[family]}"\nVERSION_ID=1\nPRETTY_NAME="Lab OS 1"\n`,
  );
  if (family === 'pacman') {
    write('/etc/pacman.conf', pacmanConfiguration('stable'));
  } else {
    cpSync(join(repository, 'rpm'), join(root, 'srv/rpm'), { recursive: true });
    // Debian's rpm has its database below the home directory of whoever calls it.
    write('/etc/rpm/macros', '%_dbpath /var/lib/rpm\n');
    write(RPM_KEY, readFileSync(join(repository, 'rpm/lab.asc'), 'utf8'));
    write(REPOSITORY_FILES[family], rpmSource('stable'));
    const chroot = (...argv: string[]) => runOk(['chroot', root, ...argv], { env: { ...process.env, HOME: '/' } });
    await chroot('rpm', '--initdb');
    await chroot('rpm', '--import', RPM_KEY);
    await chroot('rpm', '--install', '--force-debian', '/srv/rpm/stable/labos-release-1-1.noarch.rpm');
    rmSync(join(root, 'srv/rpm'), { recursive: true });
  }
  // Debian's own plugin, which copies packages into a repository that is not there.
  if (family === 'rpm') write('/etc/dnf/plugins/local.conf', '[main]\nenabled = 0\n');
  for (const each of APT) rmSync(join(root, each), { recursive: true, force: true });
  write('/etc/machine-id', '');
}

/** Where the source of packages is written: `host.write(REPOSITORY_FILES.rpm, rpmSource('updates'))`. */
export const REPOSITORY_FILES = {
  rpm: '/etc/yum.repos.d/lab.repo',
  zypper: '/etc/zypp/repos.d/lab.repo',
  pacman: '/etc/pacman.conf',
} as const satisfies Record<OtherFamily, string>;

const served = `http://${GATEWAY}:${REPOSITORY_PORT}`;

/** dnf's and zypper's source of a host: one suite of the lab's repository. */
export const rpmSource = (suite: Suite, address = served): string =>
  `[lab]
name=Lab
baseurl=${address}/rpm/${suite}
enabled=1
autorefresh=0
gpgcheck=1
repo_gpgcheck=1
gpgkey=file://${RPM_KEY}
`;

/** pacman's whole configuration: its repositories have one version of a package, so that there is one for each suite. */
export const pacmanConfiguration = (suite: Suite, address = served): string => {
  const repositories = SUITES.slice(0, SUITES.indexOf(suite) + 1);
  return `[options]
Architecture = auto
SigLevel = Never
${repositories.map(name => `[${name}]\nServer = ${address}/pacman\n`).join('')}`;
};
