import type { BigIntStats } from 'node:fs';
import fs from 'node:fs';
import { buildDirectory, buildRoot, type Emit } from '@tidemark/shared/fingerprint/build.ts';
import type { Content, Entry, NodeId, SkippedReason } from '@tidemark/shared/fingerprint/entry.ts';
import type { Normaliser, Plane, ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import type { Attributes } from './attributes.ts';
import { Counter } from './counter.ts';
import {
  errorCode,
  type OpenDirectory,
  openDirectory,
  openNamedDirectory,
  reachable,
  sharedDirectory,
} from './directory.ts';
import { fileSystemOf } from './file-systems.ts';
import { createInspector, type Found, type Inspect, isGone, reasonOf } from './inspect.ts';
import type { LinkedFiles } from './linked-files.ts';
import { Metas } from './metas.ts';
import type { Owners } from './owners.ts';
import type { Pace } from './pace.ts';
import { placeAt, placeRoots, type RootPlace } from './roots.ts';
import { Rules, type Treatment } from './rules.ts';
import type { StatCache } from './stat-cache.ts';

/** A directory below which another thread is to go on. The giver keeps its parent's descriptor open meanwhile. */
export interface Away {
  /** The number of the thread that gives it, and waits. */
  giver: number;
  /** The giver's frame that waits for it. */
  frame: number;
  parent: number;
  parentDevice: bigint;
  name: string;
  path: string;
  plane: Plane | null;
  depth: number;
}

/** What came of an {@link Away}: the entries that it adds to each plane of the waiting directory, at most one each. */
export interface Answer {
  giver: number;
  frame: number;
  entries: Record<Plane, Entry[]>;
}

/** Other threads with which a walker shares its work. */
export interface Crew {
  /** This thread's own. */
  number: number;
  /** Whether somebody has nothing to do; who is told so gives work. */
  isHungry(): boolean;
  give(away: Away): void;
}

export interface WalkerOptions {
  profile: ScanProfile;
  /** The profile's paths are resolved below it. */
  root: string;
  owners: Owners;
  attributes: Attributes;
  linked: LinkedFiles;
  /** Null where every file is read. */
  cache: StatCache | null;
  pace: Pace;
  /** 32 bytes, for secrets; null where there is none. */
  key: Buffer | null;
  normalise: (content: Buffer, rules: readonly Normaliser[]) => Buffer | null;
  emit: Emit;
  crew: Crew | null;
}

/**
 * As deep as a path of PATH_MAX can be: nobody can name what is deeper, and no reader of trees goes there. Descriptors do
 * not limit it: a directory is closed when all that are in it have been opened.
 */
const MAX_DEPTH = 2_048;
/** Longer ones cannot be named by path, only by descriptor. */
const MAX_PATH = 4_000;

type Lists = Record<Plane, Entry[]>;

/** Where the walk is: what lies here counts as `plane`; null between `/` and the roots. */
interface Position {
  path: string;
  plane: Plane | null;
  place: RootPlace | null;
  depth: number;
}

/** A directory of which not everything is known yet. */
interface Frame {
  number: number;
  at: Position;
  directory: Pick<OpenDirectory, 'descriptor' | 'at'>;
  device: bigint;
  lists: Lists;
  /** Directories in it that nobody has opened yet: they are reached through the descriptor. */
  unopened: number;
  /** Directories in it that are not whole yet. */
  unfinished: number;
  close: () => void;
  /** Called once, when everything in it is known. */
  whole: (lists: Lists) => void;
}

interface Waiting {
  frame: Frame;
  name: string;
  at: Position;
}

/**
 * Reads trees bottom-up: holds the entries of directories that are not whole yet, never all of them. Synchronous, for a
 * thread of its own.
 */
export class Walker {
  readonly counter: Counter;
  readonly #options: WalkerOptions;
  readonly #rules: Rules;
  readonly #metas: Metas;
  readonly #inspect: Inspect;
  readonly #places: RootPlace;
  readonly #prefix: string;
  /** The deepest last, so that few directories are begun at a time. */
  readonly #waiting: Waiting[] = [];
  readonly #frames = new Map<number, Frame>();
  #nextFrame = 1;

  constructor(options: WalkerOptions) {
    this.#options = options;
    this.#rules = new Rules(options.profile);
    this.counter = new Counter(options.profile, this.#rules);
    this.#metas = new Metas(options.owners, options.attributes, options.emit);
    this.#inspect = createInspector(options.linked);
    this.#places = placeRoots(options.profile);
    this.#prefix = Buffer.from(options.root.replace(/\/+$/, '')).toString('latin1');
  }

  /** Begins with the server's root directory; `done` hears of both trees. Throws where it cannot be read. */
  start(done: (roots: Record<Plane, NodeId>) => void): void {
    const directory = openNamedDirectory(this.#options.root);
    const plane = this.#places.root?.plane ?? null;
    const { stat } = directory;
    this.#open(directory, { path: '/', plane, place: this.#places, depth: 0 }, built => {
      const rootOf = (of: Plane): NodeId => {
        const node = built[of];
        const meta = of === plane ? this.#metas.idOf(stat, '/') : null;
        return buildRoot(of, node ? { node, meta } : null, this.#options.emit);
      };
      done({ software: rootOf('software'), config: rootOf('config') });
    });
  }

  /** Takes over what another thread gave away. */
  take(away: Away, done: (answer: Answer) => void): void {
    const { name, path, plane, depth } = away;
    const frame: Frame = {
      number: 0,
      at: { path: '', plane: null, place: null, depth: depth - 1 },
      directory: sharedDirectory(away.parent),
      device: away.parentDevice,
      lists: { software: [], config: [] },
      unopened: 1,
      unfinished: 1,
      close: () => undefined,
      whole: entries => done({ giver: away.giver, frame: away.frame, entries }),
    };
    this.#waiting.push({ frame, name, at: { path, plane, depth, place: placeAt(this.#places, path) } });
  }

  /** Another thread has finished what was given to it. */
  answered({ frame: number, entries }: Answer): void {
    const frame = this.#frames.get(number);
    if (!frame) return;
    frame.lists.software.push(...entries.software);
    frame.lists.config.push(...entries.config);
    this.#opened(frame);
    this.#settled(frame);
  }

  /** Goes on until there is nothing left that this thread can do by itself. */
  run(): void {
    const { crew, pace } = this.#options;
    for (let next = this.#waiting.pop(); next; next = this.#waiting.pop()) {
      this.#enter(next);
      pace.step(0);
      if (crew && this.#waiting.length > 1 && crew.isHungry()) this.#give(crew);
    }
  }

  /** The one that has waited longest is nearest to the root, and has most below it. */
  #give(crew: Crew): void {
    const away = this.#waiting.shift();
    if (!away) return;
    const { frame, name, at } = away;
    this.#frames.set(frame.number, frame);
    const { path, plane, depth } = at;
    const parent = frame.directory.descriptor;
    crew.give({
      giver: crew.number,
      frame: frame.number,
      parent,
      parentDevice: frame.device,
      name,
      path,
      plane,
      depth,
    });
  }

  #enter({ frame, name, at }: Waiting): void {
    let directory: OpenDirectory;
    try {
      directory = openDirectory(frame.directory.at(name));
    } catch (error) {
      this.#refused(error, frame, name, at);
      this.#opened(frame);
      this.#settled(frame);
      return;
    }
    this.#opened(frame);
    const isMounted = directory.stat.dev !== frame.device && frame.at.plane !== null && !at.place?.root;
    if (isMounted && !this.#isEntered(directory)) {
      directory.close();
      this.#skip('other-file-system', frame, name, at);
      this.#settled(frame);
      return;
    }
    const { stat } = directory;
    this.#open(directory, at, built => {
      for (const plane of ['software', 'config'] as const) {
        const node = built[plane];
        const meta = plane === at.plane ? this.#metas.idOf(stat, at.path) : null;
        if (node) frame.lists[plane].push({ name: bytes(name), kind: 'directory', node, meta });
      }
      this.#settled(frame);
    });
  }

  /** Everything of a directory that is none itself is looked at now; `built` hears of its nodes when all is known. */
  #open(directory: OpenDirectory, at: Position, built: (nodes: Record<Plane, NodeId | null>) => void): void {
    const { emit } = this.#options;
    let isOpen = true;
    const frame: Frame = {
      number: this.#nextFrame++,
      at,
      directory,
      device: directory.stat.dev,
      lists: { software: [], config: [] },
      unopened: 0,
      unfinished: 1,
      close: () => {
        if (isOpen) directory.close();
        isOpen = false;
      },
      whole: lists => {
        const build = (plane: Plane): NodeId | null =>
          lists[plane].length > 0 || plane === at.plane ? buildDirectory(plane, lists[plane], emit) : null;
        if (at.plane) this.counter.directory();
        built({ software: build('software'), config: build('config') });
      },
    };
    const from = this.#waiting.length;
    try {
      this.#list(directory, frame);
    } catch (error) {
      frame.close();
      throw error;
    }
    // The first in order is entered first.
    this.#waiting.push(...this.#waiting.splice(from).reverse());
    if (frame.unopened === 0) frame.close();
    this.#settled(frame);
  }

  #list(directory: OpenDirectory, frame: Frame): void {
    const { cache } = this.#options;
    const isKnown = cache?.begin(directory.stat) ?? false;
    const below = frame.at.path === '/' ? '/' : `${frame.at.path}/`;
    const names = this.#names(directory, frame, below);
    for (const name of names) this.#name(directory, frame, name, below + name, isKnown);
    cache?.end();
  }

  /** Everything inside a root; on the way to one, only what leads there. */
  #names(directory: OpenDirectory, frame: Frame, below: string): string[] {
    const { plane, place } = frame.at;
    if (!plane) return [...(place?.below.keys() ?? [])].sort();
    try {
      return directory.names();
    } catch (error) {
      this.counter.unlisted(below, reasonOf(error));
      return [];
    }
  }

  #name(directory: OpenDirectory, frame: Frame, name: string, path: string, isKnown: boolean): void {
    const place = frame.at.place?.below.get(name) ?? null;
    const above = place?.root?.plane ?? frame.at.plane;
    if (above && this.#rules.isIgnored(path)) return;
    const at: Position = { path, plane: above, place, depth: frame.at.depth + 1 };
    // What is known is looked at by its path, which is quicker; it is believed only where it is the very same file.
    const seen = isKnown && path.length < MAX_PATH ? this.#stat(path) : null;
    if (seen?.isDirectory()) {
      this.#directory(frame, name, at);
      return;
    }
    const treatment = this.#rules.treatmentOf(path);
    const isPlain = !treatment.secret && treatment.normalisers.length === 0;
    if (seen?.isFile() && isPlain && seen.dev === directory.stat.dev && this.#isKnown(seen, frame, name, at)) return;
    const found = this.#inspect(directory.at(name), this.#hashing(treatment));
    if (found.kind === 'directory') {
      this.#directory(frame, name, at);
      return;
    }
    if (place) this.counter.missing(place, found, path);
    if (!above) return;
    if (found.kind === 'file' && isPlain && found.stat.dev === directory.stat.dev) {
      this.#options.cache?.add(name, found.stat, found.file.digest, found.file.isExecutable);
    }
    if (found.kind === 'file' && treatment.secret && !this.#options.key) {
      this.counter.secretWithoutKey(path);
      frame.lists[above].push({ name: bytes(name), kind: 'skipped', reason: 'no-key', meta: null });
      return;
    }
    this.#add(found, name, at, above, frame.lists);
  }

  #stat(path: string): BigIntStats | null {
    try {
      return fs.lstatSync(reachable(this.#prefix + path), { bigint: true });
    } catch {
      return null;
    }
  }

  #hashing({ secret, normalisers }: Treatment) {
    const { pace, key, normalise } = this.#options;
    if (!secret && normalisers.length === 0) return { pace };
    return {
      pace,
      key: secret ? key : null,
      normalise: normalisers.length > 0 ? (content: Buffer) => normalise(content, normalisers) : null,
    };
  }

  /** True where the cache knows the file. */
  #isKnown(stat: BigIntStats, frame: Frame, name: string, at: Position): boolean {
    const { cache, linked } = this.#options;
    const record = cache?.find(name) ?? 0;
    const known = record === 0 ? null : cache?.known(record, stat);
    if (!known || !at.plane) return false;
    const claim = stat.nlink > 1n ? linked.claim(stat) : null;
    if (claim?.status === 'mine') claim.settle(known);
    const size = Number(stat.size);
    this.counter.file(size, claim?.status !== 'known', false);
    const { digest, executable } = known;
    const meta = this.#metas.idOf(stat, at.path);
    const plane = executable ? 'software' : this.#rules.planeOf(at.path, at.plane);
    frame.lists[plane].push({
      name: bytes(name),
      kind: 'file',
      executable,
      keyed: false,
      size,
      digest,
      normalised: null,
      meta,
    });
    return true;
  }

  #directory(frame: Frame, name: string, at: Position): void {
    if (at.depth > MAX_DEPTH) {
      this.#skip('limit', frame, name, at);
      return;
    }
    frame.unopened += 1;
    frame.unfinished += 1;
    this.#waiting.push({ frame, name, at });
  }

  #refused(error: unknown, frame: Frame, name: string, at: Position): void {
    const code = errorCode(error);
    // All descriptors are taken: what is below was not seen, and that is said.
    if (code === 'EMFILE' || code === 'ENFILE') {
      this.#skip('limit', frame, name, at);
      return;
    }
    const reason = reasonOf(error);
    if (at.place) {
      const found = { kind: 'unreadable' as const, stat: null, of: 'directory' as const, reason };
      this.counter.missing(at.place, isGone(error) ? { kind: 'gone' } : found, at.path);
    }
    if (!at.plane || isGone(error)) return;
    // Swapped for something else since the look: it is what it was not a moment ago.
    if (code === 'ENOTDIR' || code === 'ELOOP') {
      const found = this.#inspect(frame.directory.at(name));
      if (found.kind !== 'directory') this.#add(found, name, at, at.plane, frame.lists);
      else this.#skip('limit', frame, name, at);
      return;
    }
    const stat = this.#inspect(frame.directory.at(name));
    const meta = 'stat' in stat ? stat.stat : null;
    this.#add({ kind: 'unreadable', stat: meta, of: 'directory', reason }, name, at, at.plane, frame.lists);
  }

  #isEntered(directory: OpenDirectory): boolean {
    const { fileSystems } = this.#options.profile;
    return fileSystems?.includes(fileSystemOf(directory.descriptor)) ?? false;
  }

  #skip(reason: Exclude<SkippedReason, 'rule'>, frame: Frame, name: string, at: Position): void {
    this.counter.skipped(at.path);
    if (at.plane) frame.lists[at.plane].push({ name: bytes(name), kind: 'skipped', reason, meta: null });
  }

  #add(found: Exclude<Found, { kind: 'directory' }>, name: string, at: Position, above: Plane, lists: Lists): void {
    if (found.kind === 'gone') return;
    this.counter.found(found, at.path);
    const content = this.#content(found, at.path);
    const isSoftware = content.kind === 'file' && content.executable;
    lists[isSoftware ? 'software' : this.#rules.planeOf(at.path, above)].push({ name: bytes(name), ...content });
  }

  #content(found: Exclude<Found, { kind: 'directory' | 'gone' }>, path: string): Content {
    if (found.kind === 'unreadable') {
      const { kind, of, reason, stat } = found;
      return { kind, of, reason, meta: stat && this.#metas.idOf(stat, path) };
    }
    const meta = this.#metas.idOf(found.stat, path);
    switch (found.kind) {
      case 'file': {
        const { digest, size, isExecutable: executable, isKeyed: keyed, normalised } = found.file;
        return { kind: 'file', executable, keyed, size, digest, normalised, meta };
      }
      case 'symlink':
        return { kind: 'symlink', target: found.target, meta };
      case 'device':
        return { kind: 'device', type: found.type, number: Number(found.stat.rdev), meta };
      default:
        return { kind: found.kind, meta };
    }
  }

  #opened(frame: Frame): void {
    frame.unopened -= 1;
    if (frame.unopened === 0) frame.close();
  }

  #settled(frame: Frame): void {
    frame.unfinished -= 1;
    if (frame.unfinished > 0) return;
    this.#frames.delete(frame.number);
    frame.whole(frame.lists);
  }
}

const bytes = (name: string): Buffer => Buffer.from(name, 'latin1');
