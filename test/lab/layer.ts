import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { Base } from './base.ts';
import { run, runOk } from './command.ts';
import { withLock } from './lock.ts';
import { LAB_DIRECTORY } from './places.ts';
import { debianSources } from './sources.ts';

/*
 * More Debian packages for hosts than the base tree has, such as a Pacemaker or a PostgreSQL: installed once into a layer
 * above the base and kept by the hash of their list. They come from the release alone, without its security updates: what
 * is pending on a fresh host is the same with a layer as without one.
 */

/** As `lowerdir` of an overlay names them: the layer of these packages above the base; the base itself where none are. */
export async function ensureLayer(
  base: Base,
  packages: readonly string[],
  say: (line: string) => void = () => undefined,
): Promise<string> {
  if (packages.length === 0) return base.tree;
  const names = [...new Set(packages)].sort();
  const directory = join(LAB_DIRECTORY, `layer-${layerHash(base, names)}`);
  const lowest = `${join(directory, 'upper')}:${base.tree}`;
  await withLock(`${directory}.lock`, async () => {
    if (existsSync(directory)) return;
    const begun = performance.now();
    say(`building a layer with ${names.join(', ')} (once) ...`);
    // Built aside and renamed, so that one that was interrupted counts as not there.
    const building = `${directory}.layering`;
    await discard(building);
    try {
      await build(building, base.tree, names);
      writeFileSync(join(building, 'packages'), names.map(name => `${name}\n`).join(''));
      renameSync(building, directory);
    } finally {
      await discard(building);
    }
    say(`built in ${Math.round((performance.now() - begun) / 1000)} s`);
  });
  return lowest;
}

function layerHash(base: Base, names: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify([base.tree, names]));
  hash.update(readFileSync(import.meta.filename));
  return hash.digest('hex').slice(0, 12);
}

/** Leaves the layer in `<building>/upper`. */
async function build(building: string, lower: string, names: readonly string[]): Promise<void> {
  const [upper, work, root] = [join(building, 'upper'), join(building, 'work'), join(building, 'root')];
  for (const each of [upper, work, root]) mkdirSync(each, { recursive: true });
  const layers = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  await runOk(['mount', '-t', 'overlay', basename(building), '-o', layers, root]);
  await runOk(['mount', '-t', 'proc', 'proc', join(root, 'proc')]);
  await runOk(['mount', '-t', 'sysfs', '-o', 'ro', 'sysfs', join(root, 'sys')]);
  await installInto(root, names);
  for (const each of ['sys', 'proc', '']) await runOk(['umount', join(root, each)]);
  rmSync(work, { recursive: true });
}

async function installInto(root: string, names: readonly string[]): Promise<void> {
  const { release, archive } = debianSources();
  const [list, resolver, nothingStarts] = ['etc/apt/sources.list', 'etc/resolv.conf', 'usr/sbin/policy-rc.d'].map(
    name => join(root, name),
  ) as [string, string, string];
  const before = readFileSync(list);
  writeFileSync(list, `deb ${archive} ${release} main\n`);
  copyFileSync('/etc/resolv.conf', resolver);
  // Services are enabled and start when a host boots; nothing runs in a tree.
  writeFileSync(nothingStarts, '#!/bin/sh\nexit 101\n');
  chmodSync(nothingStarts, 0o755);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8', NEEDRESTART_SUSPEND: '1' };
  const apt = (...argv: string[]) =>
    runOk(['chroot', root, 'apt-get', '-q', '-o', 'Acquire::Retries=3', ...argv], { env });
  await apt('update');
  await apt('install', '-y', '--no-install-recommends', ...names);
  await apt('clean');
  rmSync(join(root, 'var/lib/apt/lists'), { recursive: true });
  mkdirSync(join(root, 'var/lib/apt/lists/partial'), { recursive: true });
  rmSync(nothingStarts);
  writeFileSync(resolver, '');
  writeFileSync(list, before);
  // Each clone has an identity of its own.
  writeFileSync(join(root, 'etc/machine-id'), '');
}

/** Takes away what an interrupted one has left, mounted or not. */
async function discard(building: string): Promise<void> {
  for (const each of ['sys', 'proc', '']) {
    const mounted = join(building, 'root', each);
    if ((await run(['mountpoint', '-q', mounted])).code === 0) await runOk(['umount', '--lazy', mounted]);
  }
  rmSync(building, { recursive: true, force: true });
}
