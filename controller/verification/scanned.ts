import { Buffer } from 'node:buffer';
import { loadMetas, type NodeLoader } from '@tidemark/shared/fingerprint/load.ts';
import { nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import type { Plane } from '@tidemark/shared/fingerprint/profile.ts';
import type { PlacedEntry } from '@tidemark/shared/fingerprint/walk.ts';
import { walkTree } from '@tidemark/shared/fingerprint/walk.ts';
import type { Fingerprint, ProductHome } from './records.ts';
import type { FoundFile, FoundFiles } from './verdicts.ts';

/** What a fingerprint holds, sorted by the products that should be on its host. Keys are bytes as latin1. */
export interface ScannedSoftware {
  /** By home: the paths below it, relative, of both planes. */
  homes: Map<string, Map<string, FoundFile>>;
  /** Absolute paths of the software plane that are below no home. */
  elsewhere: FoundFiles;
}

/**
 * Whether a scan looked at software beyond the homes of its host's products, as one of a whole server does: no release says
 * what should be there, and peers do.
 */
export const looksBeyond = ({ profile }: Fingerprint, products: readonly ProductHome[]): boolean =>
  profile.roots.some(
    ({ path, plane }) => plane === 'software' && !products.some(({ home }) => `${path}/`.startsWith(`${home}/`)),
  );

/** Reads the homes of both planes, and of the software plane all the rest, unless that is most of a server. */
export async function readSoftware(
  fingerprint: Fingerprint,
  products: readonly ProductHome[],
  load: NodeLoader,
): Promise<ScannedSoftware> {
  const homes = new Map(products.map(({ home }) => [home, new Map<string, FoundFile>()]));
  const prefixes = products.map(({ home }) => ({ home, prefix: `${Buffer.from(home).toString('latin1')}/` }));
  const elsewhere = new Map<string, FoundFile>();
  const add = ({ path, entry }: PlacedEntry, plane: Plane, metas: ReadonlyMap<string, FoundFile['meta']>) => {
    const text = path.toString('latin1');
    const file: FoundFile = { entry, plane, meta: entry.meta ? (metas.get(nodeKey(entry.meta)) ?? null) : null };
    const at = prefixes.find(({ prefix }) => text.startsWith(prefix));
    if (at) homes.get(at.home)?.set(text.slice(at.prefix.length), file);
    else if (plane === 'software' && !prefixes.some(({ prefix }) => `${text}/` === prefix)) elsewhere.set(text, file);
  };
  const below = looksBeyond(fingerprint, products) ? products.map(({ home }) => Buffer.from(home)) : [undefined];
  for (const under of below) {
    for await (const batch of inBatches(walkTree('software', fingerprint.softwareRoot, load, under))) {
      const metas = await loadMetas(metaIds(batch), load);
      for (const placed of batch) add(placed, 'software', metas);
    }
  }
  for (const { home } of products) {
    const walk = walkTree('config', fingerprint.configRoot, load, Buffer.from(home));
    for await (const batch of inBatches(walk)) {
      const metas = await loadMetas(metaIds(batch), load);
      for (const placed of batch) add(placed, 'config', metas);
    }
  }
  return { homes, elsewhere };
}

/** Entries whose meta objects are loaded with one query. */
const BATCH = 10_000;

async function* inBatches(walk: AsyncIterable<PlacedEntry>): AsyncGenerator<PlacedEntry[]> {
  let batch: PlacedEntry[] = [];
  for await (const placed of walk) {
    batch.push(placed);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

const metaIds = (batch: readonly PlacedEntry[]): Buffer[] =>
  batch.flatMap(({ entry }) => (entry.meta ? [entry.meta] : []));
