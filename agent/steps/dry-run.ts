import type { DryRun, DryRunCall, DryRunRequest } from '@tidemark/shared/orders/dry-run.ts';
import { OsPackageProblem, type OsPackages, type PackageSize, type VersionChange } from '../platform/os-package.ts';
import { usersOf } from '../platform/package-users.ts';
import { report, type StepContext, type StepReport } from './executor.ts';
import { withPackages } from './package.ts';

interface Effect {
  changes: VersionChange[];
  sizes: ReadonlyMap<string, PackageSize>;
  downloadBytes: number;
  unpackedBytes: number;
  /** Names that the call lists. */
  listed: readonly string[];
  conffiles: 'keep' | 'replace';
}

const NOTHING = { changes: [], sizes: new Map(), downloadBytes: 0, unpackedBytes: 0 };

/** What changes of packages would do here. Asks the package manager and nobody else, and changes nothing. */
export function dryRun({ calls }: DryRunRequest, context: StepContext): Promise<StepReport> {
  return withPackages(context, async packages => {
    const refused: string[] = [];
    const effects: Effect[] = [];
    for (const call of calls ?? [await upgradeToAll(packages)]) {
      try {
        if (call) effects.push(await effectOf(call, packages, message => refused.push(message)));
      } catch (error) {
        if (!(error instanceof OsPackageProblem)) throw error;
        refused.push(error.message);
      }
    }
    const changes = effects.flatMap(effect => effect.changes.map(change => ({ ...change, ...sizeOf(change, effect) })));
    const here = changes.filter(({ from }) => from !== null).map(({ name }) => name);
    const found: DryRun = {
      manager: packages.manager,
      changes,
      others: effects.flatMap(effect =>
        effect.changes.filter(({ name }) => !effect.listed.includes(name)).map(({ name }) => name),
      ),
      downloadBytes: sum(effects.map(({ downloadBytes }) => downloadBytes)),
      unpackedBytes: sum(effects.map(({ unpackedBytes }) => unpackedBytes)),
      refused,
      conffiles: (await Promise.all(effects.map(effect => conffilesOf(effect, packages)))).flat(),
      restarts: await usersOf(await packages.filesOf(here), context.place),
    };
    return report('looked at what would change', { ...found });
  });
}

/** An upgrade to what the lists that are there offer; null where they offer nothing. */
async function upgradeToAll(packages: OsPackages): Promise<DryRunCall | null> {
  const held = new Set((await packages.installed()).filter(each => each.held).map(({ name }) => name));
  const offered = [...(await packages.updates())].flatMap(([key, version]) => {
    const [name = '', architecture = null] = key.split(':');
    return held.has(name) ? [] : [{ name, version, architecture, sha256: null }];
  });
  if (offered.length === 0) return null;
  return { kind: 'package/upgrade', args: { packages: offered, conffiles: 'keep', others: 'allow', lockWaitMs: 0 } };
}

async function effectOf(call: DryRunCall, packages: OsPackages, refuse: (message: string) => void): Promise<Effect> {
  if (call.kind === 'package/remove') {
    const { names } = call.args;
    const changes = await packages.removal(names);
    return { ...NOTHING, changes, listed: names, conffiles: 'keep' };
  }
  const mode = call.kind === 'package/install' ? 'install' : 'upgrade';
  const need = await packages.need({ ...call.args, mode }).catch((error: unknown) => {
    if (!(error instanceof OsPackageProblem) || error.code !== 'others' || call.args.others === 'allow') throw error;
    // Refused for what else would change; that is to be seen too.
    refuse(error.message);
    return packages.need({ ...call.args, mode, others: 'allow' });
  });
  return { ...need, listed: call.args.packages.map(({ name }) => name), conffiles: call.args.conffiles };
}

function sizeOf({ name }: VersionChange, { sizes }: Effect) {
  const size = sizes.get(name);
  return { downloadBytes: size?.downloadBytes ?? null, unpackedBytes: size?.unpackedBytes ?? null };
}

async function conffilesOf({ changes, conffiles }: Effect, packages: OsPackages): Promise<DryRun['conffiles']> {
  const names = changes.filter(({ from, to }) => from !== null && to !== null).map(({ name }) => name);
  return (await packages.changedConffiles(names)).map(path => ({ path, kept: conffiles === 'keep' }));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
