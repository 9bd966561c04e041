import type { ContentStore } from './ports.ts';
import { isList } from './shape.ts';

/*
 * Contents of sections as conditions see them, each once, by its digest: they never change. Of lists the items are kept once for
 * the whole fleet, and a content is the numbers of its items: 10,000 servers with 600 packages each are 24 MB of numbers and some
 * 10,000 packages, and a question about a package is asked once for all of them.
 */

export type Content = { list: Uint32Array; value?: undefined } | { list?: undefined; value: unknown };

/** Numbers of items that are held: four bytes each. */
const MOST_NUMBERS = 30_000_000;
/** Some 300 bytes each. What has more is not the same thing on many servers, and begins anew. */
const MOST_ITEMS = 1_000_000;

export class Contents {
  readonly #store: ContentStore;
  readonly #known = new Map<string, Content>();
  readonly #items = new Map<string, Items>();
  #numbers = 0;

  constructor(store: ContentStore) {
    this.#store = store;
  }

  /** Reads those that are not known yet. */
  async load(kind: string, digests: Iterable<string>): Promise<void> {
    const missing = [...new Set(digests)].filter(digest => !this.#known.has(digest));
    if (missing.length === 0) return;
    const items = this.items(kind);
    if (kind === 'packages') {
      const { sets, items: added } = await this.#store.packageSets(missing, items.values.length);
      for (const item of added) items.append(asValue(item));
      for (const [digest, list] of sets) this.#keep(digest, { list });
      return;
    }
    for (const [digest, content] of await this.#store.contents(missing)) {
      const value =
        isList(kind) && Array.isArray(content) ? { list: items.numbersOf(content) } : { value: asValue(content) };
      this.#keep(digest, value);
    }
  }

  /** It was loaded before. */
  get(digest: string): Content | null {
    return this.#known.get(digest) ?? null;
  }

  items(kind: string): Items {
    const known = this.#items.get(kind) ?? new Items();
    this.#items.set(kind, known);
    return known;
  }

  /** Before a query, so that nothing vanishes while it goes on. */
  trim(): void {
    for (const [digest, { list }] of this.#known) {
      if (this.#numbers <= MOST_NUMBERS) break;
      this.#known.delete(digest);
      this.#numbers -= list?.length ?? 0;
    }
    for (const [kind, { values }] of this.#items) {
      if (kind === 'packages' || values.length <= MOST_ITEMS) continue;
      this.#known.clear();
      this.#items.clear();
      this.#numbers = 0;
      return;
    }
  }

  #keep(digest: string, content: Content): void {
    this.#known.set(digest, content);
    this.#numbers += content.list?.length ?? 1;
  }
}

/** Items of one kind of list, by their numbers. */
export class Items {
  readonly values: unknown[] = [];
  readonly #numbers = new Map<string, number>();

  append(value: unknown): number {
    return this.values.push(value) - 1;
  }

  numbersOf(items: readonly unknown[]): Uint32Array {
    return Uint32Array.from(items, item => {
      const key = JSON.stringify(item);
      const known = this.#numbers.get(key);
      if (known !== undefined) return known;
      const number = this.append(asValue(item));
      this.#numbers.set(key, number);
      return number;
    });
  }
}

/** JSON as CEL has it: whole numbers are `int`, and what is null is not there. */
function asValue(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.filter(item => item !== null).map(asValue);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, member]) => (member === null ? [] : [[key, asValue(member)]])),
    );
  return value;
}
