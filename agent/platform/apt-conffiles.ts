import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { commands } from './apt-commands.ts';
import { parseShippedConffiles } from './apt-output.ts';
import type { Tool } from './os-package-tool.ts';
import { resolveBelow } from './server-path.ts';

/** Configuration of these packages that is not what they brought, or is gone: server paths. */
export async function changedConffiles(tool: Tool, root: string, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const { text } = await tool.ask(commands.conffiles(names));
  return parseShippedConffiles(text)
    .filter(({ path, md5 }) => md5Of(resolveBelow(root, path)) !== md5)
    .map(({ path }) => path);
}

/** What dpkg keeps of them. Null where there is no such file. */
function md5Of(path: string): string | null {
  try {
    return createHash('md5').update(readFileSync(path)).digest('hex');
  } catch {
    return null;
  }
}
