import { posix } from 'node:path';
import type { Entry } from '@tidemark/shared/fingerprint/entry.ts';
import type { NodeLoader } from '@tidemark/shared/fingerprint/load.ts';
import { childPath, loadEntries, logicalPath, type PlacedPair } from './directories.ts';

/** As many links to directories as the kernel follows in one path is 40; packages have two at most. */
const MAX_ROUNDS = 4;

/**
 * What stands at paths, one character a byte, as they would be on a system whose /bin and /lib are links into /usr. Directories
 * that are links here are followed. What is not there is left out. Throws TreeDamaged.
 */
export async function findEntries(
  top: PlacedPair,
  paths: Iterable<string>,
  load: NodeLoader,
): Promise<Map<string, Entry>> {
  const found = new Map<string, Entry>();
  /** Where it is looked for -> what was asked for. */
  let wanted = new Map<string, string[]>([...paths].map(path => [logicalPath(path), [path]]));
  for (let round = 0; round < MAX_ROUNDS && wanted.size > 0; round++) {
    const { entries, links } = await entriesAt(top, wanted, load);
    for (const [path, entry] of entries) for (const asked of wanted.get(path) ?? []) found.set(asked, entry);
    const behind = new Map<string, string[]>();
    if (links.size > 0) {
      for (const [path, asked] of wanted) {
        if (entries.has(path)) continue;
        const to = throughLinks(path, links);
        if (to !== null) behind.set(to, [...(behind.get(to) ?? []), ...asked]);
      }
    }
    wanted = behind;
  }
  return found;
}

async function entriesAt(
  top: PlacedPair,
  wanted: ReadonlyMap<string, unknown>,
  load: NodeLoader,
): Promise<{ entries: Map<string, Entry>; links: Map<string, string> }> {
  const needed = directoriesOf(wanted.keys());
  const entries = new Map<string, Entry>();
  const links = new Map<string, string>();
  let front = [top];
  while (front.length > 0) {
    const entriesOf = await loadEntries(front, load);
    const next = new Map<string, PlacedPair>();
    for (const place of front) {
      const { software, config } = entriesOf(place);
      for (const [plane, list] of [['software', software] as const, ['config', config] as const]) {
        for (const entry of list) {
          const path = childPath(place.path, entry.name.toString('latin1'));
          const logical = logicalPath(path);
          if (entry.kind === 'directory') {
            if (!needed.has(logical)) continue;
            const pair = next.get(path) ?? { path, software: null, config: null };
            pair[plane] = entry.node;
            next.set(path, pair);
          } else {
            if (wanted.has(logical)) entries.set(logical, entry);
            // The links of the merge itself lead to what the paths say already.
            if (entry.kind === 'symlink' && needed.has(path) && logical === path)
              links.set(path, entry.target.toString('latin1'));
          }
        }
      }
    }
    front = [...next.values()];
  }
  return { entries, links };
}

/** Every directory that is on the way to one of the paths. */
function directoriesOf(paths: Iterable<string>): Set<string> {
  const needed = new Set<string>(['/', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libo32', '/libx32']);
  for (const path of paths) {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const above = path.slice(0, slash);
      if (needed.has(above)) break;
      needed.add(above);
    }
  }
  return needed;
}

/** Where a path leads by the first link on its way; null where there is none. */
function throughLinks(path: string, links: ReadonlyMap<string, string>): string | null {
  for (let slash = path.indexOf('/', 1); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    const target = links.get(path.slice(0, slash));
    if (target === undefined) continue;
    const to = posix.resolve(posix.dirname(path.slice(0, slash)), target);
    return logicalPath(`${to === '/' ? '' : to}${path.slice(slash)}`);
  }
  return null;
}
