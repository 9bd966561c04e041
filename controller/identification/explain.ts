import type { Entry } from '@tidemark/shared/fingerprint/entry.ts';
import type { ListedFile } from '../harvest/file-list.ts';
import { contentWords } from './evaluate.ts';
import { digestOfTarget, type Edition, flagBits, type Standing, standingOf, wordsOf } from './library.ts';
import type { FileException } from './records.ts';

/* One product file by file, where sums do not say that all of a version is there. Pure. */

export interface ProductOnHost {
  editions: readonly { edition: Edition; files: readonly ListedFile[] }[];
  /** What stands at a path, one character a byte. */
  found: (path: string) => Entry | undefined;
  /** Whether the scan looked there. */
  inScope: (path: string) => boolean;
  /** Whether another product has just this content at this path: it took the file over, or both bring it. */
  isOfAnother: (path: string, entry: Entry) => boolean;
  /** Where a content lies that should be at a path and is not: somebody diverted it. */
  diversionOf: (path: string, words: Int32Array) => string | null;
}

/** An edition held against what is there. */
export interface HeldAgainst {
  edition: Edition;
  matched: number;
  total: number;
  exceptions: FileException[];
  diverted: { path: string; to: string }[];
}

export const fits = ({ exceptions }: HeldAgainst): boolean => exceptions.every(({ fate }) => fate === 'unread');

interface Place {
  /** By position of the edition. */
  files: (Wanted | undefined)[];
  entry: Entry | undefined;
  words: Int32Array | null;
}

interface Wanted {
  standing: Standing;
  isLink: boolean;
  words: Int32Array;
}

/** Every edition of a product against what is there. */
export function explainProduct(host: ProductOnHost): HeldAgainst[] {
  const { editions } = host;
  const places = placesOf(host);
  const held = editions.map(
    ({ edition }): HeldAgainst => ({ edition, matched: 0, total: 0, exceptions: [], diverted: [] }),
  );
  for (const [path, place] of places) {
    if (place.files.some(file => file?.standing === 'config' || file?.standing === 'owned')) continue;
    const having = place.files.map(file => file !== undefined && isContent(place, file));
    const versions = [...new Set(having.flatMap((has, at) => (has ? versionsOf(editions[at]?.edition) : [])))];
    const taken = place.entry !== undefined && host.isOfAnother(path, place.entry);
    for (const [at, one] of held.entries()) {
      const file = place.files[at];
      if (file) holdFile(host, one, path, place, { file, has: having[at] ?? false, versions, taken });
      else if (versions.length > 0 && !taken) one.exceptions.push({ path, fate: 'left-over', versions });
    }
  }
  return besideEachOther(held, places);
}

/**
 * Versions that have no path in common may be there at once, as kernels are: where all of another is there, its files are not left
 * over. What shares a path with a version cannot be beside it.
 */
function besideEachOther(held: HeldAgainst[], places: ReadonlyMap<string, Place>): HeldAgainst[] {
  const isOptional = (at: number, path: string) => places.get(path)?.files[at]?.standing === 'optional';
  const isWhole = (at: number): boolean => {
    const { matched = 0, exceptions = [] } = held[at] ?? {};
    return (
      matched > 0 &&
      exceptions.every(({ fate, path }) => fate === 'left-over' || fate === 'unread' || isOptional(at, path))
    );
  };
  const whole = [...held.keys()].filter(isWhole);
  if (whole.length < 2) return held;
  const shared = new Set<string>();
  for (const { files } of places.values()) {
    const having = whole.filter(at => files[at]?.standing === 'required');
    for (const a of having) for (const b of having) if (a !== b) shared.add(`${a} ${b}`);
  }
  return held.map((one, at) => {
    if (!whole.includes(at)) return one;
    const beside = whole.filter(other => other !== at && !shared.has(`${at} ${other}`));
    const isBeside = (path: string) => beside.some(other => places.get(path)?.files[other] !== undefined);
    return { ...one, exceptions: one.exceptions.filter(({ fate, path }) => fate !== 'left-over' || !isBeside(path)) };
  });
}

function holdFile(
  host: ProductOnHost,
  to: HeldAgainst,
  path: string,
  { entry }: Place,
  { file, has, versions, taken }: { file: Wanted; has: boolean; versions: string[]; taken: boolean },
): void {
  if (has) {
    to.matched += 1;
    to.total += 1;
    return;
  }
  if (!entry && (file.standing === 'optional' || !host.inScope(path))) return;
  if (taken) return;
  if (entry && isUnread(entry)) {
    to.exceptions.push({ path, fate: 'unread', versions: [] });
    return;
  }
  to.total += 1;
  const diverted = host.diversionOf(path, file.words);
  if (diverted !== null) {
    to.matched += 1;
    to.diverted.push({ path, to: diverted });
    return;
  }
  if (!entry) to.exceptions.push({ path, fate: 'missing', versions: [] });
  else if (versions.length > 0) to.exceptions.push({ path, fate: 'as-in', versions });
  else to.exceptions.push({ path, fate: 'modified', versions: [] });
}

const isUnread = (entry: Entry): boolean =>
  entry.kind === 'unstable' ||
  entry.kind === 'unreadable' ||
  entry.kind === 'skipped' ||
  (entry.kind === 'file' && entry.keyed);

function placesOf({ editions, found }: ProductOnHost): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const [at, { files }] of editions.entries()) {
    for (const file of files) {
      const wanted = wantedOf(file);
      if (!wanted) continue;
      let place = places.get(file.path);
      if (!place) {
        const entry = found(file.path);
        place = { files: [], entry, words: entry ? contentWords(entry) : null };
        places.set(file.path, place);
      }
      place.files[at] = wanted;
    }
  }
  return places;
}

const NOTHING = new Int32Array(4);

/** Null for what is no file of its own. */
function wantedOf({ kind, flags, path, target, sha256 }: ListedFile): Wanted | null {
  if (kind === 'directory' || kind === 'member') return null;
  const standing = standingOf(flagBits(flags), path);
  if (kind === 'symlink')
    return { standing, isLink: true, words: wordsOf(digestOfTarget(Buffer.from(target ?? '', 'latin1'))) };
  if (sha256 === null) return { standing: standing === 'config' ? standing : 'owned', isLink: false, words: NOTHING };
  return { standing, isLink: false, words: wordsOf(Buffer.from(sha256, 'hex')) };
}

function isContent({ entry, words }: Place, file: Wanted): boolean {
  if (!entry || !words || (entry.kind === 'symlink') !== file.isLink) return false;
  return words.every((word, at) => word === file.words[at]);
}

export const versionsOf = (edition: Edition | undefined): string[] =>
  edition?.versions.map(({ version }) => version) ?? [];
