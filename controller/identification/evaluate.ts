import type { Entry, NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import type { Meta } from '@tidemark/shared/fingerprint/meta.ts';
import { digestOfTarget, type Library, NONE, wordsOf } from './library.ts';
import { hashOn, type PathHash } from './path-hash.ts';
import { difference, type StatedMeta } from './stated-meta.ts';
import { claimText, emptySummary, type Identity, type Summary } from './summary.ts';

/* What the entries of one directory are, by the library alone. Pure. */

/** A directory in both planes: what patches change and what administrators change lie side by side. */
export interface DirectoryPair {
  software: NodeId | null;
  config: NodeId | null;
}

export interface Evaluated {
  own: Summary;
  below: { name: string; pair: DirectoryPair }[];
}

/** A file that somebody may want to be named. */
export interface NotableFile {
  name: string;
  /** permissions: its content is known, and who may do what with it is not as its package says. */
  kind: 'stray' | 'modified' | 'edited' | 'permissions';
  entry: Entry;
}

/** What is known of a meta by its id; null where it is not there. */
export type MetaLookup = (id: NodeId) => Meta | null;

/** `at` is the hash of the directory's path with a slash behind it. */
export function evaluateDirectory(
  library: Library,
  at: PathHash,
  entries: { software: readonly Entry[]; config: readonly Entry[] },
  metaOf: MetaLookup,
  notable?: (file: NotableFile) => void,
): Evaluated {
  const own = emptySummary();
  const below = new Map<string, DirectoryPair>();
  for (const plane of ['software', 'config'] as const) {
    for (const entry of entries[plane]) {
      const name = entry.name.toString('latin1');
      if (entry.kind === 'directory') {
        const pair = below.get(name) ?? { software: null, config: null };
        pair[plane] = entry.node;
        below.set(name, pair);
        continue;
      }
      own.entries += 1;
      addEntry({ library, own, metaOf, notable }, hashOn(at, name), entry, name);
    }
  }
  return { own, below: [...below].map(([name, pair]) => ({ name, pair })) };
}

interface Adding {
  library: Library;
  own: Summary;
  metaOf: MetaLookup;
  notable: ((file: NotableFile) => void) | undefined;
}

function addEntry({ library, own, metaOf, notable }: Adding, { a, b }: PathHash, entry: Entry, name: string): void {
  const runs = entry.kind === 'file' && entry.executable;
  const first = library.variantsAt(a, b);
  const note = (kind: NotableFile['kind']) => {
    own.notable += 1;
    notable?.({ name, kind, entry });
  };
  if (first === NONE) {
    own.stray.files += 1;
    if (!runs) return;
    own.stray.programs += 1;
    own.stray.bytes += entry.size;
    note('stray');
    return;
  }
  const identity = identityOf(library, first, entry);
  let tally = own.known.get(identity);
  if (!tally) {
    tally = { files: 0, programs: 0, bytes: 0 };
    own.known.set(identity, tally);
  }
  tally.files += 1;
  if (runs) {
    tally.programs += 1;
    tally.bytes += entry.size;
  }
  if (isKnownContent(identity)) {
    if (entry.kind === 'file' && statedOtherwise(library, first, entry, metaOf).length > 0) note('permissions');
    return;
  }
  if (identity.includes('C')) note('edited');
  else if (runs) note('modified');
}

/**
 * What products that have this content at this path say of who may do what with it; nothing where one of them says that it may
 * be as it is, or none says anything.
 */
export function statedOtherwise(
  library: Library,
  first: number,
  entry: Extract<Entry, { kind: 'file' }>,
  metaOf: MetaLookup,
): { product: number; stated: StatedMeta }[] {
  const words = contentWords(entry);
  const otherwise: { product: number; stated: StatedMeta }[] = [];
  let meta: Meta | null = null;
  for (let variant = first; words && variant !== NONE; variant = library.next(variant)) {
    const stated = library.statedOf(variant);
    if (!stated || !library.hasContent(variant, false, words)) continue;
    meta ??= metaOf(entry.meta);
    if (!meta || !difference(stated, meta)) return [];
    otherwise.push({ product: library.productOf(variant), stated });
  }
  return otherwise;
}

/** Whether some product has this content at this path. */
export const isKnownContent = (identity: Identity): boolean => /[=~c]/.test(identity);

/** What an entry is to each product that has its path. */
export function identityOf(library: Library, first: number, entry: Entry): Identity {
  const isLink = entry.kind === 'symlink';
  const words = contentWords(entry);
  // Nearly always one product, and one of its contents.
  if (words && library.next(first) === NONE) return claimOf(library, [first], isLink, words);
  const byProduct = new Map<number, number[]>();
  for (let variant = first; variant !== NONE; variant = library.next(variant)) {
    const product = library.productOf(variant);
    const variants = byProduct.get(product);
    if (variants) variants.push(variant);
    else byProduct.set(product, [variant]);
  }
  return [...byProduct.values()]
    .map(variants => claimOf(library, variants, isLink, words))
    .sort()
    .join('|');
}

/** Null for what has no content that could be known: a secret under a key, a device, what could not be read. */
export function contentWords(entry: Entry): Int32Array | null {
  if (entry.kind === 'symlink') return wordsOf(digestOfTarget(entry.target));
  return entry.kind === 'file' && !entry.keyed ? wordsOf(entry.digest) : null;
}

function claimOf(library: Library, variants: readonly number[], isLink: boolean, words: Int32Array | null): Identity {
  const [any = NONE] = variants;
  const anchor = library.products[library.productOf(any)]?.anchor ?? 0;
  const matching = words ? variants.filter(variant => library.hasContent(variant, isLink, words)) : [];
  const [match] = matching;
  const standing = library.standingOf(match ?? any);
  const editions = matching.map(library.setText).join(',');
  switch (standing) {
    case 'owned':
      return claimText(anchor, 'owned', '');
    case 'config':
      return claimText(anchor, match === undefined ? 'config-other' : 'config-same', editions);
    default:
      if (match === undefined) return claimText(anchor, 'other', '');
      return claimText(anchor, standing === 'required' ? 'same' : 'same-optional', editions);
  }
}
