import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, runOk } from './command.ts';
import { LAB_DIRECTORY } from './places.ts';

/* What the machine that the lab is on must have. */

/** Debian package by the program that the lab calls. */
const PACKAGES = {
  mmdebstrap: 'mmdebstrap',
  'systemd-nspawn': 'systemd-container',
  ip: 'iproute2',
  nft: 'nftables',
  'apt-ftparchive': 'apt-utils',
  gpg: 'gnupg',
  nsenter: 'util-linux',
  'mkfs.ext4': 'e2fsprogs',
};

/** Why there can be no lab on this machine, or null. */
export function cannotHaveLab(): string | null {
  if (process.platform !== 'linux') return `The lab boots Linux hosts; this is ${process.platform}.`;
  if (process.getuid?.() !== 0)
    return 'The lab needs root: it boots systemd hosts, mounts file systems and makes network namespaces. Run it with sudo.';
  if (!existsSync('/usr/bin/apt-get')) return 'The lab needs a Debian machine: its hosts are clones of Debian.';
  return null;
}

/** Installs what is missing from the machine's own archive. */
export async function installPackages(say: (line: string) => void): Promise<void> {
  const missing: string[] = [];
  for (const [program, name] of Object.entries(PACKAGES)) {
    if ((await run(['sh', '-c', 'command -v "$1"', 'sh', program])).code !== 0) missing.push(name);
  }
  if (missing.length === 0) return;
  say(`installing ${missing.join(', ')} ...`);
  await installDebian(missing);
}

/** Installs Debian packages from the machine's own archive, by its present lists: old ones name files that are gone. */
export async function installDebian(packages: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Another apt may be at work: it is waited for.
  const apt = ['apt-get', '-q', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::Retries=3'];
  await runOk([...apt, 'update'], { env });
  await runOk([...apt, 'install', '-y', '--no-install-recommends', ...packages], { env });
}

const INOTIFY = '/proc/sys/fs/inotify/max_user_instances';
/** 128 by default, of which each systemd takes about six: that ends at 20 hosts. */
const INOTIFY_INSTANCES = 8192;
const before = (): string => join(LAB_DIRECTORY, 'inotify-before');

/** For the time of the labs. */
export function raiseLimits(): void {
  const now = readFileSync(INOTIFY, 'utf8').trim();
  if (Number(now) >= INOTIFY_INSTANCES) return;
  writeFileSync(before(), now);
  writeFileSync(INOTIFY, String(INOTIFY_INSTANCES));
}

/** When the last lab is gone. */
export function restoreLimits(): void {
  if (existsSync(before())) writeFileSync(INOTIFY, readFileSync(before(), 'utf8'));
}
