import { release as running } from 'node:os';
import { compareRpmVersions } from '@tidemark/shared/versions/rpm.ts';
import type { PackageBackend, RemovableKernel } from './file-package-backend.ts';
import { problemOf } from './file-packages-after.ts';
import type { FileState } from './file-packages-check.ts';
import { oldKernels } from './kernels.ts';
import { describeChanges, OsPackageProblem, type PackageCleaning, type VersionChange } from './os-package.ts';
import { list } from './os-package-problems.ts';
import type { Tool, ToolEnd } from './os-package-tool.ts';

interface Parts {
  backend: PackageBackend;
  tool: Tool;
  /** Runs something once nobody else works with the packages. */
  whenFree(waitMs: number, run: () => Promise<ToolEnd>): Promise<ToolEnd>;
  look(): Promise<FileState>;
}

export function createFileCleaning({ backend, tool, whenFree, look }: Parts): PackageCleaning {
  const { cleaning } = backend;
  return {
    caches: cleaning.caches,

    async clearCache({ lockWaitMs }) {
      const argv = cleaning.clear();
      if (argv === null) return;
      const end = await whenFree(lockWaitMs, () => tool.act(argv));
      if (!backend.succeeded(end)) throw problemOf(backend, end, 'the downloads could not be removed');
    },

    async removeOldKernels(keep, { lockWaitMs }) {
      const removable = (await cleaning.removableKernels?.()) ?? [];
      const before = await look();
      const going = kernelsToGo(removable, before, keep);
      if (going.length === 0) return [];
      const specs = going.map(({ spec }) => spec);
      const simulated = await backend.resolveRemoval(specs);
      const more = simulated.filter(each => !going.some(kernel => isSame(kernel, each)));
      if (more.length > 0)
        throw new OsPackageProblem(
          'others',
          `${list(going.map(nameOf))} cannot be removed alone: ${describeChanges(more)} would change with it; nothing was removed`,
          { others: more },
        );
      const end = await whenFree(lockWaitMs, () => tool.act(backend.remove(specs)));
      const after = await look();
      const left = going.filter(({ name, version }) =>
        after.all.some(each => each.name === name && each.version === version),
      );
      if (!backend.succeeded(end) || left.length > 0)
        throw problemOf(backend, end, `${list((left.length > 0 ? left : going).map(nameOf))} could not be removed`);
      return going.map(({ name, version }) => ({ name, from: version, to: null }));
    },
  };
}

/** Counted among all that are installed of a name, also those that the manager would not let go. */
function kernelsToGo(removable: readonly RemovableKernel[], { all }: FileState, keep: number): RemovableKernel[] {
  const names = new Set(removable.map(({ name }) => name));
  const installed = all
    .filter(({ name }) => names.has(name))
    .map(({ name, version, architecture }) => {
      return { line: name, version, release: `${version.replace(/^\d+:/, '')}.${architecture}` };
    });
  const old = oldKernels(installed, { running: running(), keep, compare: compareRpmVersions });
  return removable.filter(({ name, version }) => old.some(each => each.line === name && each.version === version));
}

const nameOf = ({ name, version }: RemovableKernel): string => `${name} ${version}`;
const isSame = (kernel: RemovableKernel, { name, from, to }: VersionChange): boolean =>
  to === null && kernel.name === name && kernel.version === from;
