import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { runOk } from './command.ts';
import { buildDemoService, DEMO_VERSIONS } from './demo-svc.ts';

/*
 * A signed apt repository whose pool keeps every version, so that exact versions and downgrades work:
 *
 *   stable    demo-svc 1.0: nothing is pending on a fresh host
 *   updates   also demo-svc 1.1, and the real updates of the base tree's packages
 *   broken    also demo-svc 1.2, whose postinst fails
 */

export const SUITES = ['stable', 'updates', 'broken'] as const;
export type Suite = (typeof SUITES)[number];

export interface RepositoryPlaces {
  directory: string;
  /** Holds the .deb files of the pending updates. */
  updates: string;
}

/** Builds it and gives the keyring that its signatures verify with. */
export async function buildRepository(
  { directory, updates }: RepositoryPlaces,
  work: string,
): Promise<{ keyring: string }> {
  const pool = { demo: join(directory, 'pool/demo'), updates: join(directory, 'pool/updates') };
  for (const each of [...Object.values(pool), work]) mkdirSync(each, { recursive: true });
  const [first = '', second = '', broken = ''] = await Promise.all(
    DEMO_VERSIONS.map(version => buildDemoService(version, work, pool.demo)),
  );
  const pending = readdirSync(updates).filter(name => name.endsWith('.deb'));
  for (const name of pending) await runOk(['mv', join(updates, name), pool.updates]);

  const packages: Record<Suite, string[]> = {
    stable: [first],
    updates: [first, second, pool.updates],
    broken: [first, second, broken],
  };
  const key = await makeKey(work);
  for (const suite of SUITES) await buildSuite(directory, suite, packages[suite], key);
  await runOk(['gpgconf', '--kill', 'all'], { env: key.env });
  return { keyring: key.keyring };
}

interface Key {
  env: NodeJS.ProcessEnv;
  keyring: string;
}

/** Lives as long as the repository is being built: who has the base tree needs no more than its public half. */
async function makeKey(work: string): Promise<Key> {
  const home = join(work, 'gnupg');
  mkdirSync(home, { mode: 0o700 });
  const env = { ...process.env, GNUPGHOME: home };
  const who = 'Tidemark lab <lab@example.invalid>';
  await runOk(['gpg', '--batch', '--quiet', '--passphrase', '', '--quick-gen-key', who, 'rsa2048', 'sign', '0'], {
    env,
  });
  const keyring = join(work, 'lab.gpg');
  await runOk(['gpg', '--batch', '--quiet', '--output', keyring, '--export'], { env });
  return { env, keyring };
}

async function buildSuite(directory: string, suite: Suite, packages: readonly string[], key: Key): Promise<void> {
  const dist = join(directory, 'dists', suite);
  const architecture = (await runOk(['dpkg', '--print-architecture'])).trim();
  const binary = join(dist, `main/binary-${architecture}`);
  mkdirSync(binary, { recursive: true });
  // Names in the index are paths below the repository.
  const below = packages.map(each => each.slice(directory.length + 1));
  const lists = await Promise.all(below.map(each => runOk(['apt-ftparchive', 'packages', each], { cwd: directory })));
  writeFileSync(join(binary, 'Packages'), lists.join(''));
  writeFileSync(join(binary, 'Packages.gz'), gzipSync(lists.join('')));
  const fields = {
    Origin: 'Lab',
    Label: 'Lab',
    Suite: suite,
    Codename: suite,
    Architectures: architecture,
    Components: 'main',
  };
  const options = Object.entries(fields).flatMap(([name, value]) => [
    '-o',
    `APT::FTPArchive::Release::${name}=${value}`,
  ]);
  const release = await runOk(['apt-ftparchive', ...options, 'release', `dists/${suite}`], { cwd: directory });
  writeFileSync(join(dist, 'Release'), release);
  const sign = (...argv: string[]) =>
    runOk(['gpg', '--batch', '--quiet', ...argv, join(dist, 'Release')], { env: key.env });
  await sign('--clearsign', '--output', join(dist, 'InRelease'));
  await sign('--armor', '--detach-sign', '--output', join(dist, 'Release.gpg'));
}
