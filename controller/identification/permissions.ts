import { logicalPath } from './directories.ts';
import { statedOtherwise } from './evaluate.ts';
import type { KnownMetas } from './known-metas.ts';
import type { Library } from './library.ts';
import { hashPath } from './path-hash.ts';
import type { HostTrees } from './ports.ts';
import { difference } from './stated-meta.ts';
import type { FoundNotable } from './walk.ts';

/** A file whose content is its package's, and of which its package says something else. */
export interface Permissions {
  /** One character a byte. */
  path: string;
  product: string;
  /** `4755 root:root`, with capabilities where those differ. */
  expected: string;
  found: string;
}

/** Which files are not as their packages say, apart from their content. Where attributes were not read, those are not judged. */
export function permissionsIn(
  library: Library,
  metas: Pick<KnownMetas, 'metaOf'>,
  { attributesRead }: Pick<HostTrees, 'attributesRead'>,
  notable: readonly FoundNotable[],
): Permissions[] {
  return notable.flatMap(({ kind, path, entry }) => {
    if (kind !== 'permissions' || entry.kind !== 'file') return [];
    const { a, b } = hashPath(logicalPath(path));
    const [otherwise] = statedOtherwise(library, library.variantsAt(a, b), entry, metas.metaOf);
    const meta = metas.metaOf(entry.meta);
    if (!otherwise || !meta) return [];
    const stated = attributesRead ? otherwise.stated : { ...otherwise.stated, capabilities: null };
    const differs = difference(stated, meta);
    const product = library.products[otherwise.product]?.name ?? '';
    return differs ? [{ path, product, ...differs }] : [];
  });
}
