import { NEUTRAL_ARCHITECTURES, nativeNames } from './architectures.ts';
import type { Edition, Library, Product } from './library.ts';
import type { RegisteredPackages } from './records.ts';
import { type Claim, claimBy, claimsOf, type Summary } from './summary.ts';

/* What the sums of a host's trees say of each product. Pure. */

/** What is there of one product. */
export interface Presence {
  product: Product;
  /** What the package database says; null where it does not have it. */
  registered: string | null;
  /** Whether the package database should know it and does not. */
  unregistered: boolean;
  /** Editions of which everything is there and nothing of another. */
  complete: Edition[];
  /** Files that are as in some edition. */
  matched: number;
  /** Of the edition that has most of them: how many of how many that must be there. */
  best: { matched: number; total: number };
}

interface Counts {
  /** By editions that have just these files, as ids. */
  groups: { editions: ReadonlySet<number>; files: number; required: boolean }[];
  /** Files at its paths that are of nobody. */
  other: number;
}

interface KnownIdentity {
  claims: Claim[];
  files: number;
}

const isSame = ({ match }: Claim): boolean => match === 'same' || match === 'same-optional';

/**
 * Products that are there, or that the package database says are there. A product that is not registered counts only for files
 * that no other that is there explains. `roots` are where the scan looked: of what lies elsewhere nothing is said.
 */
export function presences(
  library: Library,
  summary: Summary,
  registered: RegisteredPackages | null,
  roots: readonly string[],
): { present: Presence[]; unknown: { name: string; version: string }[] } {
  const identities = identitiesOf(summary);
  const counts = countsOf(identities);
  const { byProduct, unknown } = assign(library, registered, counts);
  const there = new Set<number>();
  const present: Presence[] = [];
  const add = (product: Product, version: string | null, unregistered: boolean) => {
    there.add(product.anchor);
    present.push(presenceOf(library, product, counts.get(product.anchor), roots, version, unregistered));
  };
  for (const [product, version] of byProduct) {
    if (wasLookedAt(library, product, roots)) add(product, version, false);
  }
  for (const product of unregisteredOf(library, counts, there, roots)) {
    if (ownFiles(identities, product.anchor, there) > 0) add(product, null, shouldBeRegistered(product, registered));
  }
  return { present, unknown };
}

/**
 * The same of the products of one name, by what the package database says of that name alone: where it does not have it, others
 * of which all is there explain what they have.
 */
export function presencesOf(
  name: string,
  library: Library,
  summary: Summary,
  registered: RegisteredPackages | null,
  roots: readonly string[],
): Presence[] {
  const products = library.products.filter(product => product.name === name);
  const anchors = new Set(products.map(({ anchor }) => anchor));
  const identities = identitiesWith(summary, anchors);
  const counts = countsOf(identities);
  const { byProduct } = assign(library, registered, counts);
  const present: Presence[] = [];
  for (const product of products) {
    const own = counts.get(product.anchor);
    const version = byProduct.get(product) ?? null;
    const presence = presenceOf(
      library,
      product,
      own,
      roots,
      version,
      version === null && shouldBeRegistered(product, registered),
    );
    if (
      version !== null
        ? wasLookedAt(library, product, roots)
        : ownFiles(identities, product.anchor, otherThan(product)) > 0
    )
      present.push(presence);
  }
  return present;

  /** Products that have files of this one, and of which all is there. */
  function otherThan(product: Product): Set<number> {
    const claimed = new Set(identities.flatMap(({ claims }) => claims.filter(isSame).map(claim => claim.product)));
    claimed.delete(product.anchor);
    if (claimed.size === 0) return claimed;
    const all = countsOf(identitiesOf(summary));
    return new Set(
      [...claimed].filter(anchor => {
        const other = library.productWithAnchor(anchor);
        return other && presenceOf(library, other, all.get(anchor), roots, null, false).complete.length > 0;
      }),
    );
  }
}

const identitiesOf = ({ known }: Summary): KnownIdentity[] =>
  [...known].map(([identity, { files }]) => ({ claims: claimsOf(identity), files }));

/** Those of files that one of these products says something of. Of the others, which are nearly all, nothing is parsed. */
function identitiesWith({ known }: Summary, anchors: ReadonlySet<number>): KnownIdentity[] {
  const has = claimBy(anchors);
  return [...known].flatMap(([identity, { files }]) =>
    has.test(identity) ? [{ claims: claimsOf(identity), files }] : [],
  );
}

const shouldBeRegistered = ({ source }: Product, registered: RegisteredPackages | null): boolean =>
  (source === 'deb' || source === 'rpm') && registered !== null && !registered.truncated;

function countsOf(identities: readonly KnownIdentity[]): Map<number, Counts> {
  const counts = new Map<number, Counts>();
  for (const { claims, files } of identities) {
    const isOfSomebody = claims.some(isSame);
    for (const claim of claims) {
      const own = counts.get(claim.product) ?? { groups: [], other: 0 };
      counts.set(claim.product, own);
      if (isSame(claim))
        own.groups.push({ editions: new Set(claim.editions), files, required: claim.match === 'same' });
      else if (claim.match === 'other' && !isOfSomebody) own.other += files;
    }
  }
  return counts;
}

/** Which product each registered package is; those of which the library has nothing are unknown. */
function assign(library: Library, registered: RegisteredPackages | null, counts: ReadonlyMap<number, Counts>) {
  const byProduct = new Map<Product, string>();
  const unknown: { name: string; version: string }[] = [];
  const byName = Map.groupBy(
    library.products.filter(({ editions }) => editions.some(at => (library.editions[at]?.versions.length ?? 0) > 0)),
    ({ name }) => name,
  );
  for (const [key, version] of registered?.installed ?? []) {
    const [name = key, architecture] = key.split(':');
    const fitting = (byName.get(name) ?? []).filter(
      product =>
        (product.source === 'deb' || product.source === 'rpm') &&
        isOfArchitecture(product.architecture, architecture, registered?.architecture ?? null),
    );
    const best = fitting.toSorted((x, y) => rank(y) - rank(x))[0];
    if (best) byProduct.set(best, version);
    else unknown.push({ name: key, version });
    function rank(product: Product): number {
      const hasVersion = product.editions.some(at => hasVersionOf(library.editions[at], version));
      return (hasVersion ? 1_000_000 : 0) + filesOf(counts.get(product.anchor));
    }
  }
  return { byProduct, unknown };
}

export const hasVersionOf = (edition: Edition | undefined, version: string): boolean =>
  edition?.versions.some(each => sameVersion(each.version, version)) ?? false;

/** rpm leaves out an epoch that is zero, or not. */
const sameVersion = (a: string, b: string): boolean => a.replace(/^0+:/, '') === b.replace(/^0+:/, '');

function isOfArchitecture(of: string | null, wanted: string | undefined, native: string | null): boolean {
  if (of === null || NEUTRAL_ARCHITECTURES.has(of)) return wanted === undefined || wanted === of;
  return wanted === undefined ? native === null || nativeNames(native).includes(of) : wanted === of;
}

const filesOf = (counts: Counts | undefined): number => counts?.groups.reduce((sum, { files }) => sum + files, 0) ?? 0;

/** Whether a scan of these roots could have seen the product. Of one without any files nothing but its documentation is. */
function wasLookedAt(library: Library, { editions }: Product, roots: readonly string[]): boolean {
  const own = editions.flatMap(at => library.editions[at] ?? []);
  const hasFiles = own.some(({ totals }) => totals.size > 0);
  return hasFiles
    ? own.some(edition => totalIn(edition, roots) > 0)
    : roots.some(root => root === '/' || root === '/usr');
}

/** Others of which something is there, those with the largest share first. */
function unregisteredOf(
  library: Library,
  counts: ReadonlyMap<number, Counts>,
  there: ReadonlySet<number>,
  roots: readonly string[],
): Product[] {
  return [...counts]
    .flatMap(([anchor, own]) => {
      const product = library.productWithAnchor(anchor);
      if (!product || there.has(anchor) || own.groups.length === 0) return [];
      const { best } = presenceOf(library, product, own, roots, null, false);
      return [{ product, share: best.total === 0 ? 0 : best.matched / best.total, matched: best.matched }];
    })
    .sort((x, y) => y.share - x.share || y.matched - x.matched || x.product.anchor - y.product.anchor)
    .map(({ product }) => product);
}

/** Files of a product that nothing else that is there has. */
const ownFiles = (identities: readonly KnownIdentity[], anchor: number, there: ReadonlySet<number>): number =>
  identities.reduce((sum, { claims, files }) => {
    const isOwn = claims.some(claim => claim.product === anchor && isSame(claim));
    const isExplained = claims.some(claim => claim.product !== anchor && there.has(claim.product) && isSame(claim));
    return isOwn && !isExplained ? sum + files : sum;
  }, 0);

function presenceOf(
  library: Library,
  product: Product,
  counts: Counts | undefined,
  roots: readonly string[],
  registered: string | null,
  unregistered: boolean,
): Presence {
  const editions = product.editions
    .flatMap(at => library.editions[at] ?? [])
    .filter(({ versions }) => versions.length > 0);
  const { groups, other } = counts ?? { groups: [], other: 0 };
  const complete: Edition[] = [];
  let best = { matched: 0, total: 0 };
  for (const edition of editions) {
    const total = totalIn(edition, roots);
    let matched = 0;
    let foreign = other;
    for (const group of groups) {
      if (!group.editions.has(edition.id)) foreign += group.files;
      else if (group.required) matched += group.files;
    }
    if (matched === total && foreign === 0) complete.push(edition);
    if (share(matched, total) > share(best.matched, best.total)) best = { matched, total };
  }
  return { product, registered, unregistered, complete, matched: filesOf(counts), best };
}

const share = (matched: number, total: number): number => (total === 0 ? 0 : matched / total);

/** Never too few: where a root is deeper than one name, all below that name counts, and files are looked at one by one. */
export function totalIn({ totals }: Edition, roots: readonly string[]): number {
  let sum = 0;
  for (const [name, files] of totals) {
    if (roots.some(root => root === '/' || root === `/${name}` || root.startsWith(`/${name}/`))) sum += files;
  }
  return sum;
}
