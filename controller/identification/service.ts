import { type Entry, sameContent } from '@tidemark/shared/fingerprint/entry.ts';
import { type Presence, presences, presencesOf, totalIn } from './decide.ts';
import { childPath, loadEntries, logicalPath, type PlacedPair } from './directories.ts';
import { contentWords } from './evaluate.ts';
import { explainProduct } from './explain.ts';
import { findEntries } from './find.ts';
import { isPlain, judgeFiles, judgePlain } from './judge.ts';
import { KnownMetas } from './known-metas.ts';
import { type Edition, type Library, NONE } from './library.ts';
import { type FileOwner, ownersOfFiles } from './owners.ts';
import { hashPath } from './path-hash.ts';
import { type Permissions, permissionsIn } from './permissions.ts';
import type { HostFactsPort, HostTrees, IdentificationStore, RunningState } from './ports.ts';
import { addPrograms, type Programs, programsOf, withoutHomes } from './programs.ts';
import type { IdentifiedProduct, IdentifiedTrees, RegisteredPackages } from './records.ts';
import { createShelf } from './shelf.ts';
import { emptySummary, type Summary } from './summary.ts';
import { type FoundNotable, findNotable, summarise, type WalkOptions } from './walk.ts';

export interface IdentificationOptions {
  store: IdentificationStore;
  facts: HostFactsPort;
  /** The other members of a host's clusters. */
  peersOf: (host: string) => Promise<string[]>;
}

export interface Stray {
  /** One character a byte. */
  path: string;
  sha256: string;
  bytes: number;
  /** How many peers have the same there, where that is most of them. */
  peers: number;
}

export interface HostIdentification {
  host: string;
  fingerprint: string;
  scannedAt: number;
  /** Versions that the library has. */
  libraryVersions: number;
  programs: Programs;
  products: IdentifiedProduct[];
  /** Registered packages of which nothing is known. */
  unknown: { name: string; version: string }[];
  /** Programs of no known content that no product here has said something of. At most {@link MAX_NOTABLE}. */
  strays: Stray[];
  /** Configuration that is not as its package brought it. */
  edited: string[];
  /** Files whose content is their package's, and whose mode, owner, group or capabilities are not. */
  permissions: Permissions[];
  /** More than were listed. */
  truncated: boolean;
  loaded: Loaded | null;
}

/** What must be started anew before what is on the disk is what runs. */
export interface Loaded {
  complete: boolean;
  kernel: { running: string; newest: string } | null;
  reboot: string[];
  restart: { unit: string; processes: string[]; files: string[]; products: string[] }[];
}

/** Files that one look at a host names. */
const MAX_NOTABLE = 1_000;

/** A product on a host, as a matrix shows it. */
export interface VersionOnHost {
  host: string;
  scannedAt: number;
  state: IdentifiedProduct['state'];
  versions: string[];
  registered: string | null;
  tier: IdentifiedProduct['tier'];
  sentence: string;
}

export function createIdentification({ store, facts, peersOf }: IdentificationOptions) {
  const shelf = createShelf(store);
  const metas = new KnownMetas(store.load);

  const rootOf = ({ software, config }: IdentifiedTrees): PlacedPair => ({ path: '', software, config });

  /** Sums of the whole trees, and of what lies below homes that something else answers for. */
  async function sums(
    trees: IdentifiedTrees,
    homes: readonly string[],
    options: WalkOptions,
  ): Promise<[Summary, Summary[]]> {
    // Nobody who has no library should wait for a walk that comes to nothing.
    if (options.library.editions.length === 0) return [emptySummary(), []];
    const [whole] = await summarise([rootOf(trees)], options);
    if (!whole) throw new Error('a tree has a root');
    const pairs = homes.length === 0 ? [] : await directoriesAt(trees, homes, options);
    return [whole, pairs.length === 0 ? [] : await summarise(pairs, options)];
  }

  async function directoriesAt(
    trees: IdentifiedTrees,
    paths: readonly string[],
    { load }: WalkOptions,
  ): Promise<PlacedPair[]> {
    const found: PlacedPair[] = [];
    for (const path of paths) {
      const place = await directoryAt(rootOf(trees), path, load);
      if (place) found.push(place);
    }
    return found;
  }

  /** Products that sums do not settle, file by file. */
  async function settle(
    trees: IdentifiedTrees,
    library: Library,
    present: readonly Presence[],
    strays: readonly FoundNotable[],
  ): Promise<IdentifiedProduct[]> {
    const judged: IdentifiedProduct[] = [];
    const open: Presence[] = [];
    const total = (edition: Edition) => totalIn(edition, trees.roots);
    for (const presence of present) {
      const editions = editionsOf(library, presence);
      if (isPlain(presence, editions)) judged.push(judgePlain(presence, total));
      else open.push(presence);
    }
    if (open.length === 0) return judged;
    const files = await shelf.files(open.flatMap(presence => editionsOf(library, presence).map(({ list }) => list)));
    const paths = new Set<string>();
    for (const list of files.values())
      for (const { path, kind } of list) if (kind === 'file' || kind === 'symlink') paths.add(path);
    const found = await findEntries(rootOf(trees), paths, store.load);
    const inScope = scopeOf(trees);
    const diversionOf = diversionsIn(strays);
    for (const presence of open) {
      const product = library.products.indexOf(presence.product);
      const held = explainProduct({
        editions: editionsOf(library, presence).map(edition => ({ edition, files: files.get(edition.list) ?? [] })),
        found: path => found.get(path),
        inScope,
        isOfAnother: (path, entry) => isOfAnother(library, product, path, entry),
        diversionOf,
      });
      judged.push(judgeFiles(presence, held));
    }
    return judged;
  }

  async function peersWith(
    host: string,
    trees: HostTrees,
    strays: readonly Stray[],
    entries: ReadonlyMap<string, Entry>,
  ) {
    const peers = strays.length === 0 ? [] : await store.peerTrees(await peersOf(host), trees.fingerprint);
    // One other could as well be the one that is wrong.
    if (peers.length < 2) return;
    for (const peer of peers) {
      const there = await findEntries(rootOf(peer), entries.keys(), store.load);
      for (const stray of strays) {
        const [own, other] = [entries.get(stray.path), there.get(stray.path)];
        if (own && other && sameContent(own, other)) stray.peers += 1;
      }
    }
    for (const stray of strays) if (stray.peers * 2 <= peers.length) stray.peers = 0;
  }

  return {
    /** Reads the library ahead, so that the first question need not wait for it; until then questions do. */
    async prepare(signal: AbortSignal): Promise<{ versions: number }> {
      const library = await shelf.library(signal);
      return { versions: versionsIn(library) };
    },

    /**
     * Which versions are on the host of a fingerprint by what its files are, as the newest scan saw them that looked where packages
     * lie. `homes` are directories that something else answers for: their
     * programs are not counted here. Null where the fingerprint is gone. Throws TreeDamaged.
     */
    async identify(fingerprint: string, homes: readonly string[]): Promise<HostIdentification | null> {
      const trees = await store.trees(fingerprint);
      if (!trees) return null;
      const library = await shelf.library();
      const options: WalkOptions = { library, load: store.load, store, metas };
      const [whole, ofHomes] = await sums(trees, homes, options);
      const registered = await facts.registered(trees.host);
      const { present, unknown } = presences(library, whole, registered, trees.roots);
      const { found: notable, truncated } =
        whole.notable === 0 ? { found: [], truncated: false } : await findNotable(rootOf(trees), MAX_NOTABLE, options);
      const outside = notable.filter(({ path }) => !homes.some(home => path.startsWith(`${home}/`)));
      const unexplained = outside.filter(({ kind }) => kind === 'stray' || kind === 'modified');
      const products = await settle(trees, library, present, unexplained);
      const entries = new Map(unexplained.map(({ path, entry }) => [path, entry]));
      const strays = unexplained.flatMap(({ path, entry }) =>
        entry.kind === 'file' ? [{ path, sha256: entry.digest.toString('hex'), bytes: entry.size, peers: 0 }] : [],
      );
      await peersWith(trees.host, trees, strays, entries);
      const named = new Set(products.flatMap(({ exceptions }) => exceptions.map(({ path }) => path)));
      const diverted = new Map(
        products.flatMap(({ tier, diverted: moved }) => moved.map(({ to }) => [to, tier] as const)),
      );
      const programs = withoutHomes(
        programsOf(library, whole),
        ofHomes.map(sum => programsOf(library, sum)),
      );
      for (const { path, bytes, peers } of strays) {
        if (diverted.has(path)) addPrograms(programs, diverted.get(path) ?? 'host', bytes);
        else if (peers > 0) addPrograms(programs, 'peers', bytes);
      }
      return {
        host: trees.host,
        fingerprint: trees.fingerprint,
        scannedAt: trees.scannedAt,
        libraryVersions: versionsIn(library),
        programs,
        products: products.sort((x, y) => (x.product < y.product ? -1 : 1)),
        unknown,
        strays: strays.filter(({ path }) => !diverted.has(path) && !named.has(path)),
        edited: outside.filter(({ kind }) => kind === 'edited').map(({ path }) => path),
        permissions: permissionsIn(library, metas, trees, outside),
        truncated,
        loaded: loadedOf(library, await facts.running(trees.host)),
      };
    },

    /** Product versions with this content (64 hex digits), or with a file at this path (one character a byte). */
    async owners(of: { sha256: string } | { path: string }): Promise<FileOwner[]> {
      const files = await store.filesLike('path' in of ? { path: logicalPath(of.path) } : of);
      return ownersOfFiles(files, await store.knownVersions());
    },

    /** Which version of a product is on which host. Hosts without it are left out. Throws TreeDamaged. */
    async versions(product: string): Promise<{ known: string[]; hosts: VersionOnHost[] }> {
      const library = await shelf.library();
      const of = library.products.filter(({ name }) => name === product);
      const known = [
        ...new Set(
          of
            .flatMap(({ editions }) => editions.flatMap(at => library.editions[at]?.versions ?? []))
            .map(({ version }) => version),
        ),
      ];
      if (known.length === 0) return { known, hosts: [] };
      const options: WalkOptions = { library, load: store.load, store, metas };
      const registered = await facts.registeredAs(registeredNames(product, of));
      const hosts: VersionOnHost[] = [];
      for (const trees of await store.newestTrees()) {
        const [whole] = await sums(trees, [], options);
        const said = new Map<string, IdentifiedProduct[]>();
        for (const { host, scannedAt } of trees.hosts) {
          const own = registered.get(host) ?? null;
          const key = registrationOf(own, product);
          let found = said.get(key);
          if (!found) {
            found = await settle(trees, library, presencesOf(product, library, whole, own, trees.roots), []);
            said.set(key, found);
          }
          for (const { state, versions, registered: version, tier, sentence } of found) {
            const fitting = versions.map(each => each.version);
            hosts.push({ host, scannedAt, state, versions: fitting, registered: version, tier, sentence });
          }
        }
      }
      return { known, hosts: hosts.sort((x, y) => (x.host < y.host ? -1 : 1)) };
    },
  };
}

/** As {@link RegisteredPackages} calls it: of other architectures with the architecture. */
const registeredNames = (product: string, of: readonly { architecture: string | null }[]): string[] => [
  product,
  ...new Set(of.flatMap(({ architecture }) => (architecture === null ? [] : [`${product}:${architecture}`]))),
];

/** What two hosts with the same trees may differ in, as far as one product goes. */
function registrationOf(registered: RegisteredPackages | null, product: string): string {
  if (!registered) return '-';
  const own = [...registered.installed].filter(([name]) => name === product || name.startsWith(`${product}:`));
  return `${registered.architecture} ${own.map(([name, version]) => `${name}=${version}`).join(' ')}`;
}

const versionsIn = ({ editions }: Library): number => editions.reduce((sum, { versions }) => sum + versions.length, 0);

const editionsOf = (library: Library, { product }: Presence): Edition[] =>
  product.editions.flatMap(at => library.editions[at] ?? []).filter(({ versions }) => versions.length > 0);

function scopeOf({ roots, ignored }: IdentifiedTrees): (path: string) => boolean {
  return path =>
    roots.some(root => root === '/' || path === root || path.startsWith(`${root}/`)) &&
    !ignored(Buffer.from(path, 'latin1'));
}

function isOfAnother(library: Library, product: number, path: string, entry: Entry): boolean {
  const words = contentWords(entry);
  const { a, b } = hashPath(logicalPath(path));
  for (let variant = library.variantsAt(a, b); variant !== NONE; variant = library.next(variant)) {
    if (library.productOf(variant) === product) continue;
    if (words && library.hasContent(variant, entry.kind === 'symlink', words)) return true;
  }
  return false;
}

/** A program that should be at one path and lies at another, where nobody has it with this content. */
function diversionsIn(unexplained: readonly FoundNotable[]): (path: string, words: Int32Array) => string | null {
  const byContent = new Map<string, string[]>();
  for (const { entry, path } of unexplained) {
    const words = contentWords(entry);
    if (words) byContent.set(words.join(), [...(byContent.get(words.join()) ?? []), path]);
  }
  return (wanted, words) => byContent.get(words.join())?.find(path => path !== wanted) ?? null;
}

async function directoryAt(top: PlacedPair, path: string, load: WalkOptions['load']): Promise<PlacedPair | null> {
  let place = top;
  for (const name of ['/', ...path.split('/').filter(each => each !== '')]) {
    const { software, config } = (await loadEntries([place], load))(place);
    const below = [software, config].map(list => {
      const entry = list.find(each => each.name.toString('latin1') === name);
      return entry?.kind === 'directory' ? entry.node : null;
    });
    const [inSoftware = null, inConfig = null] = below;
    if (inSoftware === null && inConfig === null) return null;
    place = { path: childPath(place.path, name), software: inSoftware, config: inConfig };
  }
  return place;
}

function loadedOf(library: Library, running: RunningState | null): Loaded | null {
  if (!running) return null;
  const restart = running.stale.map(({ unit, processes, files }) => ({
    unit,
    processes: [...processes],
    files: [...files],
    products: [...new Set(files.flatMap(path => ownersOf(library, path)))],
  }));
  const isOldKernel = running.kernel !== null && running.kernel.running !== running.kernel.newest;
  return {
    complete: restart.length === 0 && running.rebootReasons.length === 0 && !isOldKernel,
    kernel: running.kernel,
    reboot: [...running.rebootReasons],
    restart,
  };
}

function ownersOf(library: Library, path: string): string[] {
  const { a, b } = hashPath(logicalPath(Buffer.from(path).toString('latin1')));
  const names: string[] = [];
  for (let variant = library.variantsAt(a, b); variant !== NONE; variant = library.next(variant)) {
    const name = library.products[library.productOf(variant)]?.name;
    if (name !== undefined) names.push(name);
  }
  return names;
}
