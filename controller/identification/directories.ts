import type { Entry, NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import {
  bucketsOf,
  loadSides,
  type NodeLoader,
  type Side,
  storedDirectory,
} from '@tidemark/shared/fingerprint/load.ts';
import { nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { PLANES, type Plane } from '@tidemark/shared/fingerprint/profile.ts';
import type { DirectoryPair } from './evaluate.ts';

export interface PlacedPair extends DirectoryPair {
  /** One character a byte; empty for the node above `/`. */
  path: string;
}

/** All entries of directories, those of the buckets of large ones put together. Throws TreeDamaged. */
export async function loadEntries(
  pairs: readonly PlacedPair[],
  load: NodeLoader,
): Promise<(pair: PlacedPair) => Record<Plane, Entry[]>> {
  const found: Record<Plane, Map<string, Entry[]>> = { software: new Map(), config: new Map() };
  let waiting: { side: Side; of: string; plane: Plane; path: Buffer }[] = [];
  for (const pair of pairs) {
    for (const plane of PLANES) {
      const id = pair[plane];
      if (id === null || found[plane].has(keyOf(id, pair.path))) continue;
      found[plane].set(keyOf(id, pair.path), []);
      waiting.push({
        side: storedDirectory(plane, id),
        of: keyOf(id, pair.path),
        plane,
        path: Buffer.from(pair.path, 'latin1'),
      });
    }
  }
  while (waiting.length > 0) {
    const loaded = await loadSides(
      waiting.map(({ side }) => side),
      load,
    );
    const next: typeof waiting = [];
    for (const { side, of, plane, path } of waiting) {
      const node = loaded(side, path);
      if (node.type === 'split')
        for (const bucket of bucketsOf(node).values()) next.push({ side: bucket, of, plane, path });
      else found[plane].get(of)?.push(...node.entries);
    }
    waiting = next;
  }
  return pair => ({
    software: (pair.software && found.software.get(keyOf(pair.software, pair.path))) ?? [],
    config: (pair.config && found.config.get(keyOf(pair.config, pair.path))) ?? [],
  });
}

const keyOf = (id: NodeId, path: string): string => `${nodeKey(id)}${path === '' ? '' : '/'}`;

/** Where something lies on a system whose /bin, /lib and the like are links into /usr, whether or not they are. */
const UNMERGED = /^\/(bin|sbin|lib|lib32|lib64|libo32|libx32)(?=\/|$)/;
export const logicalPath = (path: string): string => (UNMERGED.test(path) ? `/usr${path}` : path);

/** `name` below a directory; below the node above `/` there is `/` alone. */
export const childPath = (path: string, name: string): string =>
  path === '' ? '/' : path === '/' ? `/${name}` : `${path}/${name}`;
