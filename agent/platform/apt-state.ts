import { readdirSync } from 'node:fs';
import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import { commands } from './apt-commands.ts';
import { HALF_INSTALLED, parseInstalled } from './apt-output.ts';
import { type Argv, describeEnd } from './command.ts';
import { type InstalledPackage, OsPackageProblem, type PendingState } from './os-package.ts';
import type { Tool } from './os-package-tool.ts';
import { holderOfLock, type LockHolder } from './package-locks.ts';
import { resolveBelow } from './server-path.ts';

/** What dpkg's database says, looked up by the names that apt uses: `libssl3`, and `libssl3:i386` where it is foreign. */
export interface AptState {
  all: InstalledPackage[];
  byKey: ReadonlyMap<string, InstalledPackage>;
  native: string;
}

export async function readState(tool: Tool): Promise<AptState> {
  const all = parseInstalled(await answer(tool, commands.installed()));
  // dpkg's own architecture is the server's; where its database does not know dpkg, dpkg is asked.
  const own = all.find(({ name }) => name === 'dpkg')?.architecture;
  const native = own ?? (await answer(tool, commands.architecture())).trim();
  return { all, native, byKey: new Map(all.map(each => [keyOf(each, native), each])) };
}

async function answer(tool: Tool, argv: Argv): Promise<string> {
  const end = await tool.ask(argv);
  if (end.status === 0) return end.text;
  throw new OsPackageProblem('broken', `dpkg's database cannot be read: ${describeEnd(end)}; repair it by hand`);
}

export function keyOf({ name, architecture }: { name: string; architecture: string | null }, native: string): string {
  return architecture === null || architecture === 'all' || architecture === native ? name : `${name}:${architecture}`;
}

export const specOf = (exact: Pick<ExactPackage, 'name' | 'architecture' | 'version'>, native: string): string =>
  `${keyOf(exact, native)}=${exact.version}`;

export const isWell = ({ state }: InstalledPackage): boolean => state === 'installed';
export const mustBeUnpackedAgain = ({ state }: InstalledPackage): boolean => state === HALF_INSTALLED;
/** Installed, and something that others have asked of it (`ldconfig`) has not been done yet. */
export const hasTriggersLeft = ({ state }: InstalledPackage): boolean => state.startsWith('triggers-');

export const brokenIn = ({ all }: AptState): PendingState['broken'] =>
  all.filter(each => !isWell(each)).map(({ name, state }) => ({ name, state }));

/** dpkg writes each change as a numbered file first; one that stays was never taken over (dpkg, lib/dpkg/dbmodify.c). */
export function isInterrupted(root: string): boolean {
  try {
    return readdirSync(resolveBelow(root, '/var/lib/dpkg/updates')).some(name => /^\d+$/.test(name));
  } catch {
    return false;
  }
}

const LOCKS = [
  '/var/lib/dpkg/lock-frontend',
  '/var/lib/dpkg/lock',
  '/var/lib/apt/lists/lock',
  '/var/cache/apt/archives/lock',
];

/** Who works with the packages right now, as far as the kernel tells this process; null where nobody does. */
export const lockHolder = (root: string): LockHolder | null => holderOfLock(root, LOCKS);
