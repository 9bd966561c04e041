import { commands } from './apt-commands.ts';
import { parseSimulation } from './apt-output.ts';
import { cannotBeginWith } from './apt-resolve.ts';
import { describeChanges, OsPackageProblem, type RemoveRequest, type VersionChange } from './os-package.ts';
import { list } from './os-package-problems.ts';
import type { Tool } from './os-package-tool.ts';

/** What would change if these went. */
export async function simulateRemoval(tool: Tool, names: readonly string[]): Promise<VersionChange[]> {
  const simulated = await tool.ask(commands.simulateRemoval(names));
  if (simulated.status !== 0) throw cannotBeginWith(simulated);
  const { removals, changes } = parseSimulation(simulated.text);
  return [...removals, ...changes];
}

/** Throws where something else would go with them and may not. */
export async function checkRemoval(tool: Tool, names: readonly string[], { others }: RemoveRequest): Promise<void> {
  const all = await simulateRemoval(tool, names);
  const more = all.filter(({ name, to }) => to !== null || !names.includes(name));
  if (more.length > 0 && others === 'refuse')
    throw new OsPackageProblem(
      'others',
      `${list(names)} cannot be removed alone: ${describeChanges(more)} would go with it; nothing was changed`,
      { others: more },
    );
}
