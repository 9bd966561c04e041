import { sha256 } from '@tidemark/shared/base/digest.ts';
import type { NodeLoader } from '@tidemark/shared/fingerprint/load.ts';
import { childPath, loadEntries, logicalPath, type PlacedPair } from './directories.ts';
import { type DirectoryPair, evaluateDirectory, type NotableFile } from './evaluate.ts';
import type { KnownMetas } from './known-metas.ts';
import type { Library } from './library.ts';
import { EMPTY_PATH, hashOn, hashPath, type PathHash } from './path-hash.ts';
import { addSummary, decodeSummary, encodeSummary, type Summary } from './summary.ts';

/** What is known of a directory of the fleet, under {@link summaryKey}. */
export interface StoredSummary extends DirectoryPair {
  key: Buffer;
  /** Which editions have something below this path: what it rests on. */
  stamp: number;
  data: Buffer;
}

/** Implemented by controller/store/identification.ts. */
export interface SummaryStore {
  /** By key as hex; what is not there is left out. */
  summaries(keys: readonly Buffer[]): Promise<ReadonlyMap<string, { stamp: number; data: Buffer }>>;
  /** Replaces what is there under these keys. A directory that was collected meanwhile is left out. */
  keepSummaries(summaries: readonly StoredSummary[]): Promise<void>;
}

export interface WalkOptions {
  library: Library;
  load: NodeLoader;
  store: SummaryStore;
  metas: KnownMetas;
}

/** Below so many entries it costs less to look again than to keep the answer: a few nodes. */
const WORTH_KEEPING = 256;

/** Changes with the encoding, and with what an answer says. */
const FORMAT = Buffer.from('tidemark.summary.v2\0');
const NOTHING = Buffer.alloc(32);

/** The same directory elsewhere means something else, so the path is part of it. */
export const summaryKey = ({ software, config, path }: PlacedPair): Buffer =>
  sha256(FORMAT, software ?? NOTHING, config ?? NOTHING, Buffer.from(path, 'latin1'));

interface Visited {
  place: PlacedPair;
  parent: Visited | null;
  sum: Summary;
  stamp: number;
  /** It was there already. */
  isKept: boolean;
}

/**
 * What the trees below these directories hold. Asks the store first, from the top down, so that what a host shares with any
 * other is found out once; what was found out now is kept. Throws TreeDamaged.
 */
export async function summarise(tops: readonly PlacedPair[], options: WalkOptions): Promise<Summary[]> {
  const visited: Visited[] = [];
  let front: { place: PlacedPair; parent: Visited | null }[] = tops.map(place => ({ place, parent: null }));
  const results: Visited[] = [];
  while (front.length > 0) {
    const kept = await keptOf(
      front.map(({ place }) => place),
      options,
    );
    const unknown = front.filter((_, at) => !kept[at]);
    const entriesOf = await loadEntries(
      unknown.map(({ place }) => place),
      options.load,
    );
    await options.metas.know(unknown.flatMap(({ place }) => Object.values(entriesOf(place))));
    const next: typeof front = [];
    for (const [at, { place, parent }] of front.entries()) {
      const known = kept[at];
      const { hash, stamp } = placeOf(place.path, options.library);
      const evaluated = known ? null : evaluateDirectory(options.library, hash, entriesOf(place), options.metas.metaOf);
      const sum = known ?? evaluated?.own;
      if (!sum) continue;
      const visit: Visited = { place, parent, sum, stamp, isKept: known !== null };
      visited.push(visit);
      if (parent === null) results.push(visit);
      for (const { name, pair } of evaluated?.below ?? []) {
        next.push({ place: { ...pair, path: childPath(place.path, name) }, parent: visit });
      }
    }
    front = next;
  }
  for (const { parent, sum } of visited.toReversed()) if (parent) addSummary(parent.sum, sum);
  const fresh = visited.filter(
    ({ isKept, sum, parent }) => !isKept && (sum.entries >= WORTH_KEEPING || parent === null),
  );
  await options.store.keepSummaries(
    fresh.map(({ place, sum, stamp }) => ({
      key: summaryKey(place),
      software: place.software,
      config: place.config,
      stamp,
      data: encodeSummary(sum),
    })),
  );
  return results.map(({ sum }) => sum);
}

/** For each place what is kept of it, where that still holds. */
async function keptOf(places: readonly PlacedPair[], { store, library }: WalkOptions): Promise<(Summary | null)[]> {
  const keys = places.map(summaryKey);
  const kept = await store.summaries(keys);
  return places.map(({ path }, at) => {
    const found = kept.get(keys[at]?.toString('hex') ?? '');
    return found && found.stamp === placeOf(path, library).stamp ? decodeSummary(found.data) : null;
  });
}

function placeOf(path: string, library: Library): { hash: PathHash; stamp: number } {
  const logical = logicalPath(path);
  const { a, b } = hashPath(logical);
  // What is not merged lies in two places of the disk and in one of the library: both rest on what is below the one.
  const hash = path === '' ? EMPTY_PATH : hashOn({ a, b }, '/');
  return { hash, stamp: library.stampOf(a, b) };
}

export interface FoundNotable extends NotableFile {
  /** One character a byte. */
  path: string;
}

/**
 * Files below a directory that somebody may want to be named, at most `limit`, and as many whose permissions alone are others; goes
 * only where there are some.
 */
export async function findNotable(
  top: PlacedPair,
  limit: number,
  options: WalkOptions,
): Promise<{ found: FoundNotable[]; truncated: boolean }> {
  const found: FoundNotable[] = [];
  let permissions = 0;
  let truncated = false;
  let front = [top];
  while (front.length > 0 && !truncated) {
    const kept = await keptOf(front, options);
    const open = front.filter((_, at) => kept[at]?.notable !== 0);
    const entriesOf = await loadEntries(open, options.load);
    await options.metas.know(open.flatMap(place => Object.values(entriesOf(place))));
    const next: PlacedPair[] = [];
    for (const place of open) {
      const { hash } = placeOf(place.path, options.library);
      const note = (file: NotableFile) => {
        const isOfPermissions = file.kind === 'permissions';
        if ((isOfPermissions ? permissions : found.length - permissions) >= limit) {
          truncated = true;
          return;
        }
        if (isOfPermissions) permissions += 1;
        found.push({ ...file, path: childPath(place.path, file.name) });
      };
      const { below } = evaluateDirectory(options.library, hash, entriesOf(place), options.metas.metaOf, note);
      for (const { name, pair } of below) next.push({ ...pair, path: childPath(place.path, name) });
    }
    front = next;
  }
  return { found: found.sort((x, y) => (x.path < y.path ? -1 : 1)), truncated };
}
