import { buildRoot } from '@tidemark/shared/fingerprint/build.ts';
import type { NodeId, SkippedReason } from '@tidemark/shared/fingerprint/entry.ts';
import type { Normaliser, Plane, ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import type { AuditRules } from './audit.ts';
import type { DirectoryNodes } from './cache-block.ts';
import { Contents, type ContentsTools, emptyLists } from './contents.ts';
import { Counter } from './counter.ts';
import { errorCode, type OpenDirectory, openDirectory, openNamedDirectory, sharedDirectory } from './directory.ts';
import { fileSystemOf } from './file-systems.ts';
import {
  type Answer,
  type Away,
  type Crew,
  type Frame,
  type Outcome,
  opened,
  type Position,
  settled,
  type Waiting,
} from './frame.ts';
import { createInspector, type Inspect, isGone, reasonOf } from './inspect.ts';
import type { LinkedFiles } from './linked-files.ts';
import { type Attributes, Lister, type Listing } from './lister.ts';
import { Metas } from './metas.ts';
import type { NodeSink } from './node-records.ts';
import type { Owners } from './owners.ts';
import type { Pace } from './pace.ts';
import { placeAt, placeRoots, type RootPlace } from './roots.ts';
import { Rules } from './rules.ts';
import type { StatCache } from './stat-cache.ts';
import { TwoEnded } from './two-ended.ts';

export interface WalkerOptions {
  profile: ScanProfile;
  /** The profile's paths are resolved below it. */
  root: string;
  owners: Owners;
  attributes: Attributes;
  linked: LinkedFiles;
  /** Null where every file is read. */
  cache: StatCache | null;
  /** Modes, owners and attributes of what has not changed are those of the scan before. */
  keepsMetas: boolean;
  pace: Pace;
  /** 32 bytes, for secrets; null where there is none. */
  key: Buffer | null;
  /** Null where the scan is none. */
  audit: AuditRules | null;
  normalise: (content: Buffer, rules: readonly Normaliser[]) => Buffer | null;
  sink: NodeSink;
  crew: Crew | null;
}

/**
 * As deep as a path of PATH_MAX can be: nobody can name what is deeper, and no reader of trees goes there. Descriptors do
 * not limit it: a directory is closed when all that are in it have been opened.
 */
const MAX_DEPTH = 2_048;
const OTHERS_ENTER = 0o001n;

/**
 * Reads trees bottom-up: holds what is in directories that are not whole yet, never all of them. Synchronous, for a thread
 * of its own.
 */
export class Walker {
  readonly counter: Counter;
  readonly #options: WalkerOptions;
  readonly #rules: Rules;
  readonly #metas: Metas;
  readonly #tools: ContentsTools;
  readonly #inspect: Inspect;
  readonly #lister: Lister;
  readonly #places: RootPlace;
  /** The deepest last, so that few directories are begun at a time. */
  readonly #waiting = new TwoEnded<Waiting>();
  readonly #frames = new Map<number, Frame>();
  #nextFrame = 1;

  constructor(options: WalkerOptions) {
    const { profile, owners, sink, cache, root } = options;
    this.#options = options;
    this.#rules = new Rules(profile);
    this.counter = new Counter(profile, this.#rules);
    this.#metas = new Metas(owners, sink);
    this.#tools = { metas: this.#metas, sink, cache, spares: [] };
    this.#inspect = createInspector(options.linked);
    this.#places = placeRoots(profile);
    const prefix = Buffer.from(root.replace(/\/+$/, '')).toString('latin1');
    const { counter } = this;
    this.#lister = new Lister({ ...options, prefix, inspect: this.#inspect, counter, metas: this.#metas });
  }

  /** Begins with the server's root directory; `done` hears of both trees. Throws where it cannot be read. */
  start(done: (roots: Record<Plane, NodeId>) => void): void {
    const directory = openNamedDirectory(this.#options.root);
    const plane = this.#places.root?.plane ?? null;
    this.#open(directory, { path: '/', plane, place: this.#places, depth: 0 }, nodes => {
      const rootOf = (of: Plane): NodeId => {
        const node = nodes[of];
        const meta = nodes.meta?.plane === of ? nodes.meta.id : null;
        return buildRoot(of, node ? { node, meta } : null, built => this.#options.sink.add(built));
      };
      done({ software: rootOf('software'), config: rootOf('config') });
    });
  }

  /** Takes over what another thread gave away. */
  take(away: Away, done: (answer: Answer) => void): void {
    const { giver, frame: number, name, record, path, plane, depth } = away;
    const frame: Frame = {
      number: 0,
      at: { path: '', plane: null, place: null, depth: depth - 1 },
      directory: sharedDirectory(away.parent),
      device: away.parentDevice,
      unopened: 1,
      unfinished: 1,
      close: () => undefined,
      child: (_, __, outcome) => done({ giver, frame: number, name, record, outcome }),
      whole: () => undefined,
    };
    this.#waiting.push({ frame, name, record, at: { path, plane, depth, place: placeAt(this.#places, path) } });
  }

  /** Another thread has finished what was given to it. */
  answered({ frame: number, name, record, outcome }: Answer): void {
    const frame = this.#frames.get(number);
    if (!frame) return;
    frame.child(name, record, outcome);
    opened(frame);
    settled(frame);
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
    const { frame, name, record, at } = away;
    this.#frames.set(frame.number, frame);
    const { path, plane, depth } = at;
    const { descriptor: parent } = frame.directory;
    const parentDevice = frame.device;
    crew.give({ giver: crew.number, frame: frame.number, parent, parentDevice, name, record, path, plane, depth });
  }

  #enter({ frame, name, record, at }: Waiting): void {
    const end = (outcome: Outcome) => {
      frame.child(name, record, outcome);
      settled(frame);
    };
    let directory: OpenDirectory;
    try {
      directory = openDirectory(frame.directory.at(name));
    } catch (error) {
      frame.child(name, record, this.#refused(error, frame, name, at));
      opened(frame);
      settled(frame);
      return;
    }
    opened(frame);
    const isMounted = directory.stat.dev !== frame.device && frame.at.plane !== null && !at.place?.root;
    if (isMounted && !this.#isEntered(directory)) {
      directory.close();
      end(this.#skipped('other-file-system', name, at));
      return;
    }
    // What lies in a directory that not everybody may enter is nothing that everybody may read.
    if (this.#options.audit && (directory.stat.mode & OTHERS_ENTER) === 0n) {
      directory.close();
      end(this.#skipped('rule', name, at));
      return;
    }
    this.#open(directory, at, nodes => end({ type: 'directory', nodes }));
  }

  /** Everything of a directory that is none itself is looked at now; `whole` hears of its nodes when all is known. */
  #open(directory: OpenDirectory, at: Position, whole: (nodes: DirectoryNodes) => void): void {
    const { cache, keepsMetas } = this.#options;
    const { stat } = directory;
    const { path, plane, place } = at;
    const below = path === '/' ? '/' : `${path}/`;
    const rules = this.#rules.below(below);
    const stored = plane && cache ? cache.read(stat) : null;
    const attributes =
      plane && !(keepsMetas && stored?.isOwn(stat)) ? this.#lister.attributesOf(directory, path) : null;
    const meta = () => this.#metas.idOf(stat, attributes);
    const contents = new Contents(this.#tools, { path, plane, stat, rules, meta }, keepsMetas ? stored : null);
    const onDirectory = (name: string, record: number) => this.#directory(frame, name, record, below, inside);
    const listing: Listing = { directory, below, plane, place, rules, stored, contents, onDirectory };
    // Swapped since the second look, too: nobody is run after.
    const again: Listing = {
      ...listing,
      onDirectory: name => frame.child(name, 0, this.#skipped('limit', name, this.#positionOf(frame, name, below))),
    };
    let isOpen = true;
    const frame: Frame = {
      number: this.#nextFrame++,
      at,
      directory,
      device: stat.dev,
      unopened: 0,
      unfinished: 1,
      close: () => {
        if (isOpen) directory.close();
        isOpen = false;
      },
      child: (name, record, outcome) => {
        if (outcome.type === 'directory') contents.addDirectory(name, outcome.nodes, record);
        else if (outcome.type === 'entries') contents.addEntries(outcome.entries);
        else this.#lister.lookAgain(again, name);
      },
      whole: () => {
        this.#frames.delete(frame.number);
        if (plane) this.counter.directory();
        const nodes = contents.finish();
        if (stored) cache?.release(stored);
        whole(nodes);
      },
    };
    const inside: Waiting[] = [];
    try {
      this.#lister.list(listing);
    } catch (error) {
      frame.close();
      throw error;
    }
    // The first in order is entered first.
    for (const waiting of inside.reverse()) this.#waiting.push(waiting);
    if (frame.unopened === 0) frame.close();
    settled(frame);
  }

  #directory(frame: Frame, name: string, record: number, below: string, inside: Waiting[]): void {
    const at = this.#positionOf(frame, name, below);
    if (at.depth > MAX_DEPTH) {
      frame.child(name, record, this.#skipped('limit', name, at));
      return;
    }
    frame.unopened += 1;
    frame.unfinished += 1;
    inside.push({ frame, name, record, at });
  }

  #positionOf({ at }: Frame, name: string, below: string): Position {
    const place = at.place?.below.get(name) ?? null;
    return { path: below + name, plane: place?.root?.plane ?? at.plane, place, depth: at.depth + 1 };
  }

  #refused(error: unknown, frame: Frame, name: string, at: Position): Outcome {
    const code = errorCode(error);
    // It was a directory in an earlier scan, or a moment ago.
    if (code === 'ENOTDIR' || code === 'ELOOP') return { type: 'none' };
    // All descriptors are taken: what is below was not seen, and that is said.
    if (code === 'EMFILE' || code === 'ENFILE') return this.#skipped('limit', name, at);
    const reason = reasonOf(error);
    const found = { kind: 'unreadable' as const, stat: null, of: 'directory' as const, reason };
    if (at.place) this.counter.missing(at.place, isGone(error) ? { kind: 'gone' } : found, at.path);
    const entries = emptyLists();
    if (!at.plane || isGone(error)) return { type: 'entries', entries };
    const now = this.#inspect(frame.directory.at(name));
    const stat = 'stat' in now ? now.stat : null;
    const { descriptor } = frame.directory;
    const entry = this.#lister.entryOf({ ...found, stat }, { descriptor, name, path: at.path });
    const below = at.path.slice(0, at.path.length - name.length);
    entries[this.#rules.below(below).planeOf(at.path, at.plane)].push(entry);
    return { type: 'entries', entries };
  }

  #isEntered(directory: OpenDirectory): boolean {
    const { fileSystems } = this.#options.profile;
    return fileSystems?.includes(fileSystemOf(directory.descriptor)) ?? false;
  }

  #skipped(reason: SkippedReason, name: string, at: Position): Outcome {
    this.counter.skipped(at.path);
    const entries = emptyLists();
    if (at.plane) entries[at.plane].push({ name: Buffer.from(name, 'latin1'), kind: 'skipped', reason, meta: null });
    return { type: 'entries', entries };
  }
}
