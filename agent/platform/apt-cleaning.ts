import { release as running } from 'node:os';
import { compareDpkgVersions } from '@tidemark/shared/versions/dpkg.ts';
import { commands } from './apt-commands.ts';
import { parseErrors, parseSimulation } from './apt-output.ts';
import { cannotBeginWith } from './apt-resolve.ts';
import type { AptState } from './apt-state.ts';
import type { Argv } from './command.ts';
import { flavourOf, oldKernels } from './kernels.ts';
import { describeChanges, OsPackageProblem, type PackageCleaning } from './os-package.ts';
import { list } from './os-package-problems.ts';
import type { Tool, ToolEnd } from './os-package-tool.ts';

interface AptParts {
  tool: Tool;
  /** Runs a command once nobody else works with the packages. */
  act(argv: Argv, waitMs: number): Promise<ToolEnd>;
  look(): Promise<AptState>;
}

/** Ubuntu's kernels that are not signed have the second name. */
const KERNEL = /^linux-image-(?:unsigned-)?(\d.*)$/;

export function createAptCleaning({ tool, act, look }: AptParts): PackageCleaning {
  return {
    caches: ['/var/cache/apt/archives'],

    async clearCache({ lockWaitMs }) {
      const end = await act(commands.clearCache(), lockWaitMs);
      if (end.status !== 0)
        throw new OsPackageProblem('failed', `apt's downloads could not be removed: ${parseErrors(end.text)}`);
    },

    async removeOldKernels(keep, { lockWaitMs }) {
      const removable = await removableNames();
      const kernels = (await look()).all.flatMap(({ name }) => {
        const release = KERNEL.exec(name)?.[1];
        return release === undefined ? [] : [{ name, line: flavourOf(release), version: release, release }];
      });
      const old = oldKernels(kernels, { running: running(), keep, compare: compareDpkgVersions });
      // Headers and modules of a kernel carry its release in their name.
      const names = removable.filter(
        name => name.startsWith('linux-') && old.some(({ release }) => name.endsWith(`-${release}`)),
      );
      if (names.length === 0) return [];
      const simulated = await tool.ask(commands.simulatePurge(names));
      if (simulated.status !== 0) throw cannotBeginWith(simulated);
      const { removals, changes } = parseSimulation(simulated.text);
      const more = [...removals.filter(({ name }) => !names.includes(name)), ...changes];
      if (more.length > 0)
        throw new OsPackageProblem(
          'others',
          `${list(names)} cannot be removed alone: ${describeChanges(more)} would change with it; nothing was removed`,
          { others: more },
        );
      const end = await act(commands.purge(names), lockWaitMs);
      const after = await look();
      const left = names.filter(name => after.byKey.has(name));
      if (end.status !== 0 || left.length > 0)
        throw new OsPackageProblem(
          'failed',
          `${list(left.length > 0 ? left : names)} could not be removed: ${parseErrors(end.text)}; see the state of the packages`,
        );
      return removals;
    },
  };

  /** What apt itself would let go of: nobody wants it and nothing needs it. Of kernels it keeps some by rules of its own. */
  async function removableNames(): Promise<string[]> {
    const simulated = await tool.ask(commands.simulateAutoremoval());
    if (simulated.status !== 0) throw cannotBeginWith(simulated);
    return parseSimulation(simulated.text).removals.map(({ name }) => name);
  }
}
