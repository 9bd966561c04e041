import { hash } from 'node:crypto';
import { FILE_FLAGS, type FileFlag } from '../harvest/file-list.ts';
import type { SourceKind } from '../harvest/harvested.ts';
import { EditionSets, NO_SET } from './edition-sets.ts';
import { PathTable } from './path-table.ts';
import type { FittingVersion, KnownVersion } from './records.ts';
import { type ScannedFile, scanList } from './scan-list.ts';
import type { StatedMeta } from './stated-meta.ts';
import { StatedMetas, StatedOfList } from './stated-metas.ts';

/*
 * All that is known of files, in arrays: path -> variants, where a variant is one content of one product at that path with the
 * set of editions that have it. Sets are nodes of a trie (a set and one edition more), since thousands of files share each.
 * 5,000 versions take some 60 MB.
 */

export interface Product {
  /** The smallest id of its signatures: what stored answers call it. */
  anchor: number;
  name: string;
  architecture: string | null;
  source: SourceKind;
  /** Positions in {@link Library.editions}. */
  editions: number[];
}

/** A list of files of a product: one version, or several that have the same files and so cannot be told apart. */
export interface Edition {
  /** The smallest id of its signatures: what stored answers call it. */
  id: number;
  product: number;
  list: number;
  versions: FittingVersion[];
  /** Files that must be there, by the first name of their path. */
  totals: Map<string, number>;
}

/** How a file counts. Required: must be there. Optional: may be left out. Config: people may change it. Owned: nobody says what is in it. */
export const STANDINGS = ['required', 'optional', 'config', 'owned'] as const;
export type Standing = (typeof STANDINGS)[number];
const [REQUIRED, OPTIONAL, CONFIG, OWNED] = [0, 1, 2, 3];

const bit = (flag: FileFlag): number => 1 << FILE_FLAGS.indexOf(flag);
const OWNED_FLAGS = bit('ghost') | bit('no-verify') | bit('generated');
const OPTIONAL_FLAGS = bit('doc') | bit('missing-ok');

/** Documentation and translations are what systems are installed without (`path-exclude` of dpkg.cfg(5), `%_install_langs`). */
const LEFT_OUT = /^\/usr\/share\/(doc|man|info|doc-base|lintian|bug|locale|help)\//;

export function standingOf(flags: number, path: string): Standing {
  return STANDINGS[standing(flags, LEFT_OUT.test(path))] ?? 'required';
}

const standing = (flags: number, leftOut: boolean): number => {
  if ((flags & OWNED_FLAGS) !== 0) return OWNED;
  if ((flags & bit('config')) !== 0) return CONFIG;
  return leftOut || (flags & OPTIONAL_FLAGS) !== 0 ? OPTIONAL : REQUIRED;
};

export const flagBits = (flags: readonly FileFlag[]): number => flags.reduce((bits, flag) => bits | bit(flag), 0);

/** Keeps a number for a directory within what a double says exactly. */
const STAMPS = 2 ** 50;

export class Library {
  readonly products: Product[] = [];
  readonly editions: Edition[] = [];
  readonly #productByKey = new Map<string, number>();
  readonly #productByAnchor = new Map<number, number>();
  readonly #editionByKey = new Map<string, number>();
  readonly #editionById = new Map<number, number>();
  readonly #places = new PathTable();
  readonly #stamps = new PathTable();
  readonly #sets = new EditionSets();
  readonly #stated = new StatedMetas();
  /** A variant is WORDS numbers: the next at its path, product, set, standing and kind, sixteen bytes of digest. */
  #variants = new Int32Array(WORDS * 4096);
  #count = 0;

  /** Takes what the library has now: gives the editions whose lists must be added. */
  update(known: readonly KnownVersion[]): Edition[] {
    for (const edition of this.editions) edition.versions = [];
    const added: Edition[] = [];
    for (const each of known.toSorted((x, y) => x.id - y.id)) {
      const edition = this.#edition(each, added);
      if (!edition.versions.some(({ version }) => version === each.version))
        edition.versions.push({ version: each.version, tier: each.tier });
    }
    return added;
  }

  /** Editions that nobody has any more. */
  get hasForgotten(): boolean {
    return this.editions.some(({ versions }) => versions.length === 0);
  }

  #edition({ id, product: name, architecture, source, list }: KnownVersion, added: Edition[]): Edition {
    const productKey = `${name}\0${architecture ?? ''}`;
    const product = this.#productByKey.get(productKey) ?? this.products.length;
    if (product === this.products.length) {
      this.#productByKey.set(productKey, product);
      this.#productByAnchor.set(id, product);
      this.products.push({ anchor: id, name, architecture, source, editions: [] });
    }
    const key = `${product}\0${list}`;
    const at = this.#editionByKey.get(key) ?? this.editions.length;
    const before = this.editions[at];
    if (before) return before;
    const edition: Edition = { id, product, list, versions: [], totals: new Map() };
    this.#editionByKey.set(key, at);
    this.#editionById.set(id, at);
    this.editions.push(edition);
    this.products[product]?.editions.push(at);
    added.push(edition);
    return edition;
  }

  /** Adds the files of an edition that {@link update} gave: the encoded list. Once for each. */
  addList({ id, product, totals }: Edition, list: Buffer): void {
    const edition = this.#editionById.get(id) ?? 0;
    const stamp = stampOf(id);
    const larger = new Map<number, number>();
    const stated = new StatedOfList(this.#stated);
    let top = '';
    let count = 0;
    scanList(list, {
      names: names => {
        stated.names = names;
      },
      directory: (a, b) => this.#stamps.set(a, b, ((this.#stamps.get(a, b) ?? 0) + stamp) % STAMPS),
      file: file => {
        if (file.kind === 'directory' || file.kind === 'member') return;
        const rank = this.#addFile(file, stated, product, edition, larger);
        if (rank !== REQUIRED) return;
        if (!isBelow(file, top)) {
          if (count > 0) totals.set(top, (totals.get(top) ?? 0) + count);
          top = firstName(file);
          count = 0;
        }
        count += 1;
      },
    });
    if (count > 0) totals.set(top, (totals.get(top) ?? 0) + count);
  }

  #addFile(
    file: ScannedFile,
    stated: StatedOfList,
    product: number,
    edition: number,
    larger: Map<number, number>,
  ): number {
    const isLink = file.kind === 'symlink';
    let rank = standing(file.flags, isLeftOut(file));
    // Millions of files pass here: nothing is made of one that is known, not even an array.
    let { bytes, digestAt } = file;
    if (isLink) {
      bytes = digestOfTarget(file.bytes.subarray(file.targetAt, file.targetAt + file.targetBytes));
      digestAt = 0;
    } else if (file.digestBytes !== 32) {
      if (rank !== CONFIG) rank = OWNED;
      bytes = NO_DIGEST;
      digestAt = 0;
    }
    const d0 = word(bytes, digestAt);
    const d1 = word(bytes, digestAt + 4);
    const d2 = word(bytes, digestAt + 8);
    const d3 = word(bytes, digestAt + 12);
    // What configuration may be done with, people say.
    const meta = isLink || rank === CONFIG || rank === OWNED ? 0 : stated.of(file);
    const mark = rank | (isLink ? LINK : 0) | (meta << META_SHIFT);
    const first = this.#places.get(file.a, file.b);
    for (let at = first ?? NONE; at !== NONE; at = this.#variants[at * WORDS + NEXT] ?? NONE) {
      const base = at * WORDS;
      const v = this.#variants;
      if (v[base + PRODUCT] !== product || v[base + MARK] !== mark) continue;
      if (
        v[base + DIGEST] !== d0 ||
        v[base + DIGEST + 1] !== d1 ||
        v[base + DIGEST + 2] !== d2 ||
        v[base + DIGEST + 3] !== d3
      )
        continue;
      const set = v[base + SET] ?? 0;
      let next = larger.get(set);
      if (next === undefined) {
        next = this.#sets.with(set, edition);
        larger.set(set, next);
      }
      v[base + SET] = next;
      return rank;
    }
    let alone = larger.get(NONE);
    if (alone === undefined) {
      alone = this.#sets.with(NONE, edition);
      larger.set(NONE, alone);
    }
    const base = this.#append();
    const v = this.#variants;
    v[base + NEXT] = first ?? NONE;
    v[base + PRODUCT] = product;
    v[base + SET] = alone;
    v[base + MARK] = mark;
    v[base + DIGEST] = d0;
    v[base + DIGEST + 1] = d1;
    v[base + DIGEST + 2] = d2;
    v[base + DIGEST + 3] = d3;
    this.#places.set(file.a, file.b, base / WORDS);
    return rank;
  }

  #append(): number {
    const base = this.#count * WORDS;
    if (base + WORDS > this.#variants.length) {
      const grown = new Int32Array(this.#variants.length * 2);
      grown.set(this.#variants);
      this.#variants = grown;
    }
    this.#count += 1;
    return base;
  }

  /** What its package says of who may do what with it; null where it says nothing, or people may say otherwise. */
  statedOf = (variant: number): StatedMeta | null =>
    this.#stated.get((this.#variants[variant * WORDS + MARK] ?? 0) >>> META_SHIFT);

  /** The first variant at a path; {@link NONE} where nobody knows it. */
  variantsAt(a: number, b: number): number {
    return this.#places.get(a, b) ?? NONE;
  }

  next = (variant: number): number => this.#variants[variant * WORDS + NEXT] ?? NONE;
  productOf = (variant: number): number => this.#variants[variant * WORDS + PRODUCT] ?? 0;
  standingOf = (variant: number): Standing =>
    STANDINGS[(this.#variants[variant * WORDS + MARK] ?? 0) & RANK] ?? 'required';

  /** Whether it has this content: what {@link wordsOf} a file's digest or a link's target gives. */
  hasContent(variant: number, isLink: boolean, words: Int32Array): boolean {
    const base = variant * WORDS;
    const v = this.#variants;
    return (
      ((v[base + MARK] ?? 0) & LINK) === (isLink ? LINK : 0) &&
      v[base + DIGEST] === words[0] &&
      v[base + DIGEST + 1] === words[1] &&
      v[base + DIGEST + 2] === words[2] &&
      v[base + DIGEST + 3] === words[3]
    );
  }

  /** Ids of the editions that have it, as text: `12-20,25`. */
  setText = (variant: number): string =>
    this.#sets.text(this.#variants[variant * WORDS + SET] ?? NONE, position => this.editions[position]?.id ?? 0);

  /** Says which editions have something below a directory: the same number is the same editions. 0 where none has. */
  stampOf = (a: number, b: number): number => this.#stamps.get(a, b) ?? 0;

  editionWithId(id: number): Edition | undefined {
    return this.editions[this.#editionById.get(id) ?? -1];
  }

  productWithAnchor(anchor: number): Product | undefined {
    return this.products[this.#productByAnchor.get(anchor) ?? -1];
  }

  get size(): { editions: number; variants: number } {
    return { editions: this.editions.length, variants: this.#count };
  }
}

/** No variant, and no set. */
export const NONE = NO_SET;
const WORDS = 8;
const [NEXT, PRODUCT, SET, MARK, DIGEST] = [0, 1, 2, 3, 4];
/** What is in a mark: how it counts, whether it is a link, and which of the stated metas it has. */
const [RANK, LINK, META_SHIFT] = [3, 4, 3];
const NO_DIGEST = Buffer.alloc(16);

/** The first sixteen bytes of a SHA-256: more than anybody can find another content for. */
export function wordsOf(digest: Buffer): Int32Array {
  return Int32Array.of(word(digest, 0), word(digest, 4), word(digest, 8), word(digest, 12));
}

const word = (bytes: Buffer, at: number): number =>
  ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);

export const digestOfTarget = (target: Uint8Array): Buffer => Buffer.from(hash('sha256', target, 'binary'), 'latin1');

/** Sums of these for different editions do not meet: a number of 50 bits that has nothing to do with its neighbour's. */
const stampOf = (id: number): number => {
  const digest = hash('sha256', `edition ${id}`, 'hex');
  return Number.parseInt(digest.slice(0, 12), 16);
};

const SHARE = '/usr/share/';

/** As {@link LEFT_OUT}; of most paths a few bytes say that it is not. */
function isLeftOut({ path, pathBytes }: ScannedFile): boolean {
  if (pathBytes <= SHARE.length) return false;
  for (let at = 1; at < SHARE.length; at++) if (path[at] !== SHARE.charCodeAt(at)) return false;
  return LEFT_OUT.test(path.toString('latin1', 0, Math.min(pathBytes, 32)));
}

/** Whether `name` is the first of the path. */
function isBelow({ path, pathBytes }: ScannedFile, name: string): boolean {
  const end = name.length + 1;
  if (name === '' || pathBytes < end || (pathBytes > end && path[end] !== SLASH)) return false;
  for (let at = 1; at < end; at++) if (path[at] !== name.charCodeAt(at - 1)) return false;
  return true;
}

const SLASH = 0x2f;
function firstName({ path, pathBytes }: ScannedFile): string {
  const end = path.indexOf(SLASH, 1);
  return path.toString('latin1', 1, end === -1 || end > pathBytes ? pathBytes : end);
}
