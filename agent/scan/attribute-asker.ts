import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { type AttributeSet, attributesByPath } from './attribute-table.ts';
import { askAttributes, readAttributesSync } from './attributes.ts';
import { type AskedDirectory, ITSELF } from './lister.ts';
import type { Owners } from './owners.ts';

/** After so many calls for one directory each, one call for all of them costs less than the rest would. */
const MAX_CALLS = 100;

/**
 * Asks for attributes of what is new or has changed, directory by directory, and for all at once where much has changed.
 * Throws where the program fails.
 */
export function createAsker(program: string, { roots }: ScanProfile, root: string, owners: Owners) {
  let calls = 0;
  let at: ((path: string) => AttributeSet | null) | null = null;
  return ({ descriptor, path }: AskedDirectory, names: readonly string[]): ReadonlyMap<string, AttributeSet> => {
    calls += 1;
    if (calls <= MAX_CALLS) return askAttributes(program, descriptor, names, owners);
    at ??= readAll(program, root, roots, owners);
    const found = new Map<string, AttributeSet>();
    const below = path === '/' ? '/' : `${path}/`;
    for (const name of names) {
      const set = at(name === ITSELF ? path : below + name);
      if (set) found.set(name, set);
    }
    return found;
  };
}

function readAll(program: string, root: string, roots: ScanProfile['roots'], owners: Owners) {
  const table = readAttributesSync(
    program,
    root,
    roots.map(({ path }) => path),
    owners,
  );
  return table ? attributesByPath(table) : () => null;
}
