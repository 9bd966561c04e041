import type { BigIntStats } from 'node:fs';
import { buildDirectory, type Emit } from '@tidemark/shared/fingerprint/build.ts';
import type { Content, Entry, NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import type { EncodedNode } from '@tidemark/shared/fingerprint/node.ts';
import type { Plane } from '@tidemark/shared/fingerprint/profile.ts';
import { BlockDraft, type Spares } from './block-draft.ts';
import { type DirectoryNodes, RECORD_KINDS, RUNS, type StoredBlock } from './cache-block.ts';
import type { Metas } from './metas.ts';
import { type NodeSink, nodesIn } from './node-records.ts';
import type { LocalRules } from './rules.ts';
import { standingOf } from './standing.ts';
import type { StatCache } from './stat-cache.ts';

export type Lists = Record<Plane, Entry[]>;

export const emptyLists = (): Lists => ({ software: [], config: [] });

/** Larger ones, of some 300,000 files, are kept without their nodes, which the next scan then makes anew. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;

const META_TYPE = 3;

/** What the contents of all directories of one thread share. */
export interface ContentsTools {
  metas: Metas;
  sink: NodeSink;
  /** Null where nothing is kept. */
  cache: StatCache | null;
  spares: Spares;
}

/** What the cache keeps beside a content. */
export interface Known {
  stat: BigIntStats;
  /** Null where it was read now. */
  dueAtS: number | null;
  /** Of a file: by its first bytes. */
  runs: boolean;
}

/** The directory that contents are of. */
export interface Owner {
  path: string;
  /** What lies in it counts as; null between `/` and the roots. */
  plane: Plane | null;
  stat: BigIntStats;
  rules: LocalRules;
  /** Of the directory itself, where no earlier scan knows it. */
  meta(): NodeId;
}

/**
 * What is known of one directory until it is whole. What is as it was in an earlier scan is only counted: where all of a
 * directory is, its nodes are those of that scan, and none of it becomes an object.
 */
export class Contents {
  readonly #tools: ContentsTools;
  readonly #owner: Owner;
  readonly #stored: StoredBlock | null;
  readonly #lists = emptyLists();
  readonly #confirmed: number[] = [];
  #draft: BlockDraft | null = null;
  #isAsStored: boolean;
  #hasRecordsOfAll = true;

  /** `stored` is null, too, where what it says of modes and owners no longer counts. */
  constructor(tools: ContentsTools, owner: Owner, stored: StoredBlock | null) {
    this.#tools = tools;
    this.#owner = owner;
    this.#stored = stored;
    this.#isAsStored = stored !== null;
  }

  /** What a record says is still so. */
  confirm(record: number): void {
    this.#confirmed.push(record);
  }

  /** The same of something that was due to be read again. */
  renew(record: number): void {
    this.confirm(record);
    if (this.#tools.cache) this.#stored?.renew(record, this.#tools.cache.dueAtS());
  }

  /** Something that is kept where it is not touched too shortly before the scan. */
  add(name: string, content: Content, plane: Plane, { stat, dueAtS, runs }: Known): void {
    this.#push(name, content, plane);
    const { cache } = this.#tools;
    if (!cache || !this.#owner.plane) return;
    const kept = keptOf(content);
    if (!kept || !content.meta || (dueAtS === null && cache.isRacy(stat))) {
      this.#hasRecordsOfAll = false;
      return;
    }
    this.#draft ??= new BlockDraft(this.#tools.spares);
    this.#draft.add({ ...kept, name, stat, runs, meta: content.meta, dueAtS: dueAtS ?? cache.dueAtS() });
  }

  /** Something that is looked at by every scan. */
  addUnkept(name: string, content: Content, plane: Plane): void {
    this.#push(name, content, plane);
    this.#hasRecordsOfAll = false;
  }

  /** What stands in the place of a directory that could not be entered. */
  addEntries(entries: Lists): void {
    this.#isAsStored = false;
    this.#hasRecordsOfAll = false;
    for (const entry of entries.software) this.#lists.software.push(entry);
    for (const entry of entries.config) this.#lists.config.push(entry);
  }

  /** A directory in this one is whole. `record` is what is known of it by its name, or 0. */
  addDirectory(name: string, nodes: DirectoryNodes, record: number): void {
    if (record !== 0 && this.#stored?.isSameDirectory(record, nodes)) {
      this.#confirmed.push(record);
      return;
    }
    this.#isAsStored = false;
    this.#listDirectory(name, nodes);
    if (!this.#tools.cache || !this.#owner.plane) return;
    this.#draft ??= new BlockDraft(this.#tools.spares);
    this.#draft.addDirectory(name, nodes);
  }

  /** Everything is known: gives the directory's nodes to the sink, and its block to the cache. Views of what was stored end here. */
  finish(): DirectoryNodes {
    const { cache, sink } = this.#tools;
    const stored = this.#stored;
    const { stat, plane, path } = this.#owner;
    const isAsStored = this.#isAsStored && stored !== null && this.#confirmed.length === stored.count;
    const ownMeta = stored?.isOwn(stat) ? copyOf(stored.ownMeta()) : null;
    if (isAsStored && ownMeta && plane && stored.isWholeAt(path)) {
      sink.addRecords(stored.nodes());
      cache?.writeAgain(stored.sealed());
      const [software, config] = [copyOf(stored.ownNode('software')), copyOf(stored.ownNode('config'))];
      return { software, config, meta: { id: ownMeta, plane } };
    }
    if (stored) this.#adopt(stored);
    const made: EncodedNode[] = [];
    const isKept = cache !== null && plane !== null;
    const nodes = this.#build(node => {
      sink.add(node);
      if (isKept) made.push(node);
    });
    const meta = plane && { id: ownMeta ?? this.#owner.meta(), plane };
    const own: DirectoryNodes = { ...nodes, meta };
    if (isKept) this.#keep(cache, own, made);
    return own;
  }

  #push(name: string, content: Content, plane: Plane): void {
    this.#isAsStored = false;
    this.#lists[plane].push({ name: Buffer.from(name, 'latin1'), ...content });
  }

  #listDirectory(name: string, { software, config, meta }: DirectoryNodes): void {
    const bytes = Buffer.from(name, 'latin1');
    const metaIn = (plane: Plane): NodeId | null => (meta?.plane === plane ? meta.id : null);
    if (software)
      this.#lists.software.push({ name: bytes, kind: 'directory', node: software, meta: metaIn('software') });
    if (config) this.#lists.config.push({ name: bytes, kind: 'directory', node: config, meta: metaIn('config') });
  }

  #build(emit: Emit): { software: NodeId | null; config: NodeId | null } {
    const { plane } = this.#owner;
    const build = (of: Plane): NodeId | null =>
      this.#lists[of].length > 0 || of === plane ? buildDirectory(of, this.#lists[of], emit) : null;
    return { software: build('software'), config: build('config') };
  }

  #keep(cache: StatCache, own: DirectoryNodes, made: readonly EncodedNode[]): void {
    const draft = this.#draft ?? new BlockDraft(this.#tools.spares);
    if (draft.count === 0 && !this.#hasRecordsOfAll) {
      draft.release();
      return;
    }
    const isLarge = draft.length > MAX_KEPT_BYTES;
    const { stat, path } = this.#owner;
    const { metas } = this.#tools;
    const used = new Set(draft.metas);
    if (own.meta) used.add(own.meta.id);
    const metaNodes = [...used].flatMap(id => metas.node(id) ?? []);
    const isWhole = this.#hasRecordsOfAll && !isLarge;
    const nodes = [...metaNodes, ...(isWhole ? made : [])];
    const finished = { stat, path, own, isRacy: cache.isRacy(stat), nodes, isWhole };
    cache.write(draft.lengthOf(finished), block => draft.fill(block, finished));
    draft.release();
  }

  /** Makes entries and new records of what was only counted. */
  #adopt(stored: StoredBlock): void {
    const { metas, cache } = this.#tools;
    for (const { id, data } of nodesIn(stored.nodes())) if (data[0] === META_TYPE) metas.adopt(id, data);
    const isKept = cache !== null && this.#owner.plane !== null;
    for (const record of this.#confirmed) {
      this.#materialise(stored, record);
      if (!isKept) continue;
      this.#draft ??= new BlockDraft(this.#tools.spares);
      this.#draft.keep(stored, record);
    }
  }

  #materialise(stored: StoredBlock, record: number): void {
    const name = stored.nameAt(record);
    if (stored.kindAt(record) === RECORD_KINDS.directory) {
      this.#listDirectory(name, stored.directoryAt(record));
      return;
    }
    const { plane, path, rules } = this.#owner;
    if (!plane) return;
    const runs = (stored.flagsAt(record) & RUNS) !== 0;
    const usual = rules.planeOf(`${path === '/' ? '' : path}/${name}`, plane);
    const standing = standingOf(runs, stored.modeAt(record), usual);
    const content = contentOf(stored, record, standing.executable);
    if (!content) return;
    this.#lists[content.kind === 'file' ? standing.plane : usual].push({
      name: Buffer.from(name, 'latin1'),
      ...content,
    });
  }
}

/** What is stored is gone when the directory is finished. */
const copyOf = (id: NodeId | null): NodeId | null => id && Buffer.from(id);

function keptOf(content: Content) {
  switch (content.kind) {
    case 'file':
      return content.keyed || content.normalised ? null : { kind: content.kind, value: content.digest };
    case 'symlink':
      return { kind: content.kind, value: content.target };
    case 'device':
      return { kind: content.type, value: null };
    case 'fifo':
    case 'socket':
      return { kind: content.kind, value: null };
    default:
      return null;
  }
}

function contentOf(stored: StoredBlock, record: number, executable: boolean): Content | null {
  const meta = stored.metaAt(record);
  if (!meta) return null;
  const value = stored.value(record);
  switch (stored.kindAt(record)) {
    case RECORD_KINDS.file: {
      const size = stored.sizeAt(record);
      return { kind: 'file', executable, keyed: false, size, digest: value, normalised: null, meta };
    }
    case RECORD_KINDS.symlink:
      return { kind: 'symlink', target: value, meta };
    case RECORD_KINDS.block:
      return { kind: 'device', type: 'block', number: Number(value.readBigUInt64LE()), meta };
    case RECORD_KINDS.character:
      return { kind: 'device', type: 'character', number: Number(value.readBigUInt64LE()), meta };
    case RECORD_KINDS.fifo:
      return { kind: 'fifo', meta };
    case RECORD_KINDS.socket:
      return { kind: 'socket', meta };
    default:
      return null;
  }
}
