import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run, runOk } from './command.ts';
import { withLock } from './lock.ts';
import { LAB_DIRECTORY } from './places.ts';

/** Installs Debian packages on this machine that a test needs beyond those of the lab itself. */
export async function installTools(packages: readonly string[]): Promise<void> {
  const missing: string[] = [];
  for (const each of packages) if ((await run(['dpkg', '-s', each])).code !== 0) missing.push(each);
  if (missing.length === 0) return;
  await withLock(join(LAB_DIRECTORY, 'machine.lock'), async () => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    if (!existsSync('/var/lib/apt/lists/partial')) await runOk(['apt-get', 'update', '-qq'], { env });
    await runOk(['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing], { env });
  });
}
