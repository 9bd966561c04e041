import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createArchivePackages } from '../platform/archive-package.ts';
import { resolveBelow } from '../platform/server-path.ts';

export interface ReleaseFact {
  home: string;
  version: string | null;
  available: string[];
}

/** Where releases are kept, on the server. */
const HOMES = '/opt';

/** What lies in /opt in the layout of releases (`releases/<version>`, `current`), by product. */
export async function collectReleases(root: string, errors: string[]): Promise<Record<string, ReleaseFact>> {
  const found: Record<string, ReleaseFact> = {};
  const packages = createArchivePackages();
  for (const product of namesIn(resolveBelow(root, HOMES))) {
    const home = join(HOMES, product);
    try {
      const { version, available } = await packages.installed(resolveBelow(root, home));
      if (version !== null || available.length > 0) found[product] = { home, version, available };
    } catch (error) {
      errors.push(`${home}: ${(error as Error).message}`);
    }
  }
  return found;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter(entry => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(entry => entry.name)
      .sort();
  } catch {
    return [];
  }
}
