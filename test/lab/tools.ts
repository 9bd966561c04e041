import { join } from 'node:path';
import { run } from './command.ts';
import { withLock } from './lock.ts';
import { installDebian } from './machine.ts';
import { LAB_DIRECTORY } from './places.ts';

/** Installs Debian packages on this machine that a test needs beyond those of the lab itself. */
export async function installTools(packages: readonly string[]): Promise<void> {
  await withLock(join(LAB_DIRECTORY, 'machine.lock'), async () => {
    const missing: string[] = [];
    for (const each of packages) if ((await run(['dpkg', '-s', each])).code !== 0) missing.push(each);
    if (missing.length > 0) await installDebian(missing);
  });
}
