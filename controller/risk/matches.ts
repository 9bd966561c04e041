import type { OrderName } from '@tidemark/shared/versions/ecosystems.ts';
import { type Ecosystem, ecosystemNamed, ecosystemOfOs } from './ecosystems.ts';
import { type Hit, hitsOf, type InstalledPackage, namesOf } from './match.ts';
import type { Fleet, RiskHost, RiskStore } from './ports.ts';

/*
 * What is installed in the fleet, held against advisories. A package is judged once for each ecosystem that has it, however many
 * hosts do; what was judged stays so until there are other advisories, so that a host that changed costs its new packages alone.
 */

interface Judged {
  edition: number;
  /** By ecosystem, then by number: what was found. Undefined: not judged yet. */
  hits: Map<string, (readonly Hit[] | undefined)[]>;
}

/** Numbers that are judged at a time: so many names go into one question to the database. */
const AT_ONCE = 4_000;
const LIBRARIES = [ecosystemNamed('npm'), ecosystemNamed('PyPI'), ecosystemNamed('Maven')] as const;

export class Matches {
  readonly #store: RiskStore;
  #judged: Judged = { edition: -1, hits: new Map() };

  constructor(store: RiskStore) {
    this.#store = store;
  }

  /** Judges what was not judged yet. */
  async update(fleet: Fleet): Promise<void> {
    const edition = await this.#store.edition();
    if (edition !== this.#judged.edition) this.#judged = { edition, hits: new Map() };
    const wanted = new Map<string, { order: OrderName; numbers: Set<number> }>();
    for (const host of fleet.hosts) {
      const ecosystem = ecosystemOf(host);
      if (!ecosystem || !host.packages) continue;
      const { numbers } = getOrMake(wanted, ecosystem.key, () => ({
        order: ecosystem.order,
        numbers: new Set<number>(),
      }));
      const known = this.#of(ecosystem.key);
      for (const number of host.packages) if (known[number] === undefined) numbers.add(number);
    }
    for (const [key, { order, numbers }] of wanted)
      await this.#judge({ key, order }, [...numbers], number => fleet.packages[number]);
    for (const ecosystem of LIBRARIES) {
      if (!ecosystem) continue;
      const known = this.#of(`library ${ecosystem.key}`);
      const numbers = fleet.libraries.flatMap((library, number) =>
        library.ecosystem === ecosystem.key && known[number] === undefined ? [number] : [],
      );
      await this.#judge(ecosystem, numbers, number => asInstalled(fleet.libraries[number]), 'library ');
    }
  }

  /** What was found on a host, with the package or library that it is about. */
  *of(host: RiskHost, fleet: Fleet): Generator<{ item: InstalledPackage; hits: readonly Hit[]; ecosystem: Ecosystem }> {
    const ecosystem = ecosystemOf(host);
    if (ecosystem && host.packages) {
      const known = this.#of(ecosystem.key);
      for (const number of host.packages) {
        const [hits, item] = [known[number], fleet.packages[number]];
        if (item && hits && hits.length > 0) yield { item, hits, ecosystem };
      }
    }
    for (const number of host.libraries ?? []) {
      const library = fleet.libraries[number];
      const own = LIBRARIES.find(each => each?.key === library?.ecosystem);
      const hits = own ? this.#of(`library ${own.key}`)[number] : undefined;
      const item = asInstalled(library);
      if (own && item && hits && hits.length > 0) yield { item, hits, ecosystem: own };
    }
  }

  #of(key: string): (readonly Hit[] | undefined)[] {
    return getOrMake(this.#judged.hits, key, () => []);
  }

  async #judge(
    { key, order }: Ecosystem,
    numbers: readonly number[],
    itemOf: (number: number) => InstalledPackage | undefined,
    prefix = '',
  ): Promise<void> {
    const known = this.#of(`${prefix}${key}`);
    for (let at = 0; at < numbers.length; at += AT_ONCE) {
      const portion = numbers.slice(at, at + AT_ONCE).flatMap(number => {
        const item = itemOf(number);
        return item ? [{ number, item }] : [];
      });
      const names = new Set(portion.flatMap(({ item }) => namesOf(item, order).map(({ name }) => name)));
      const candidates = await this.#store.candidates(key, [...names]);
      for (const { number, item } of portion) known[number] = hitsOf(item, order, name => candidates.get(name) ?? []);
    }
  }
}

export const ecosystemOf = ({ os }: RiskHost): Ecosystem | null => (os ? ecosystemOfOs(os) : null);

const asInstalled = (library: { name: string; version: string } | undefined): InstalledPackage | undefined =>
  library && { name: library.name, version: library.version, source: library.name, sourceVersion: library.version };

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
