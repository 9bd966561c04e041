import { hash } from 'node:crypto';
import { FILE_FLAGS, type FileFlag } from '../harvest/file-list.ts';
import type { SourceKind } from '../harvest/harvested.ts';
import { PathTable } from './path-table.ts';
import type { FittingVersion, KnownVersion } from './records.ts';
import { type ScannedFile, scanList } from './scan-list.ts';

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
    let top = '';
    let count = 0;
    scanList(list, {
      directory: (a, b) => this.#stamps.set(a, b, ((this.#stamps.get(a, b) ?? 0) + stamp) % STAMPS),
      file: file => {
        if (file.kind === 'directory' || file.kind === 'member') return;
        const rank = this.#addFile(file, product, edition, larger);
        if (rank !== REQUIRED) return;
        const name = firstName(file);
        if (name !== top) {
          if (count > 0) totals.set(top, (totals.get(top) ?? 0) + count);
          top = name;
          count = 0;
        }
        count += 1;
      },
    });
    if (count > 0) totals.set(top, (totals.get(top) ?? 0) + count);
  }

  #addFile(file: ScannedFile, product: number, edition: number, larger: Map<number, number>): number {
    const isLink = file.kind === 'symlink';
    let rank = standing(file.flags, isLeftOut(file));
    let [d0, d1, d2, d3] = [0, 0, 0, 0];
    if (isLink) {
      const digest = digestOfTarget(file.bytes.subarray(file.targetAt, file.targetAt + file.targetBytes));
      [d0, d1, d2, d3] = [word(digest, 0), word(digest, 4), word(digest, 8), word(digest, 12)];
    } else if (file.digestBytes === 32) {
      const { bytes, digestAt } = file;
      [d0, d1, d2, d3] = [
        word(bytes, digestAt),
        word(bytes, digestAt + 4),
        word(bytes, digestAt + 8),
        word(bytes, digestAt + 12),
      ];
    } else if (rank !== CONFIG) {
      rank = OWNED;
    }
    const mark = rank | (isLink ? LINK : 0);
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
    this.#variants.set([first ?? NONE, product, alone, mark, d0, d1, d2, d3], base);
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

  /** The first variant at a path; {@link NONE} where nobody knows it. */
  variantsAt(a: number, b: number): number {
    return this.#places.get(a, b) ?? NONE;
  }

  next = (variant: number): number => this.#variants[variant * WORDS + NEXT] ?? NONE;
  productOf = (variant: number): number => this.#variants[variant * WORDS + PRODUCT] ?? 0;
  standingOf = (variant: number): Standing =>
    STANDINGS[(this.#variants[variant * WORDS + MARK] ?? 0) & ~LINK] ?? 'required';

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

export const NONE = -1;
const WORDS = 8;
const [NEXT, PRODUCT, SET, MARK, DIGEST] = [0, 1, 2, 3, 4];
const LINK = 4;

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

const SHARE = Buffer.from('/usr/share/');
const isLeftOut = ({ path, pathBytes }: ScannedFile): boolean =>
  pathBytes > SHARE.length && path.compare(SHARE, 0, SHARE.length, 0, SHARE.length) === 0
    ? LEFT_OUT.test(path.toString('latin1', 0, Math.min(pathBytes, 32)))
    : false;

const SLASH = 0x2f;
function firstName({ path, pathBytes }: ScannedFile): string {
  const end = path.indexOf(SLASH, 1);
  return path.toString('latin1', 1, end === -1 || end > pathBytes ? pathBytes : end);
}

/** Sets of editions: each is another with one edition more. */
class EditionSets {
  readonly #parents: number[] = [];
  readonly #editions: number[] = [];
  readonly #texts = new Map<number, string>();

  with(set: number, edition: number): number {
    this.#parents.push(set);
    this.#editions.push(edition);
    return this.#parents.length - 1;
  }

  text(set: number, idOf: (edition: number) => number): string {
    const known = this.#texts.get(set);
    if (known !== undefined) return known;
    const ids: number[] = [];
    for (let at = set; at !== NONE; at = this.#parents[at] ?? NONE) ids.push(idOf(this.#editions[at] ?? 0));
    const text = rangesOf(ids.sort((x, y) => x - y));
    this.#texts.set(set, text);
    return text;
  }
}

function rangesOf(ids: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < ids.length; ) {
    let end = at;
    while ((ids[end + 1] ?? Number.NaN) === (ids[end] ?? 0) + 1) end++;
    parts.push(end === at ? `${ids[at]}` : `${ids[at]}-${ids[end]}`);
    at = end + 1;
  }
  return parts.join(',');
}

/** What {@link Library.setText} wrote. */
export function idsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(',').flatMap(part => {
    const [from = 0, to = from] = part.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, at) => from + at);
  });
}
