import type { BigIntStats } from 'node:fs';
import { buildMeta } from '@tidemark/shared/fingerprint/build.ts';
import type { NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import { type EncodedNode, nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import type { AttributeSet } from './attribute-table.ts';
import type { NodeSink } from './node-records.ts';
import type { Owners } from './owners.ts';

const NONE: AttributeSet = new Map();

/** Gives the meta objects of what is found; each is made once. */
export class Metas {
  readonly #owners: Owners;
  readonly #sink: NodeSink;
  /** By attributes, then by mode and owner. */
  readonly #ids = new Map<AttributeSet, Map<string, NodeId>>();
  readonly #nodes = new Map<string, EncodedNode>();
  /** Neighbours mostly have the same. */
  #last: { mode: bigint; uid: bigint; gid: bigint; attributes: AttributeSet; id: NodeId } | null = null;

  constructor(owners: Owners, sink: NodeSink) {
    this.#owners = owners;
    this.#sink = sink;
  }

  idOf({ mode: type, uid, gid }: BigIntStats, attributes: AttributeSet | null): NodeId {
    const mode = type & 0o7777n;
    const own = attributes ?? NONE;
    const last = this.#last;
    if (last && last.mode === mode && last.uid === uid && last.gid === gid && last.attributes === own) return last.id;
    const id = this.#id(mode, uid, gid, own);
    this.#last = { mode, uid, gid, attributes: own, id };
    return id;
  }

  /** Of one that was made by {@link idOf} or adopted. */
  node(id: NodeId): EncodedNode | null {
    return this.#nodes.get(nodeKey(id)) ?? null;
  }

  /** Takes over one that an earlier scan made. */
  adopt(id: NodeId, data: Buffer): void {
    if (this.#nodes.has(nodeKey(id))) return;
    this.#add({ id: Buffer.from(id), data: Buffer.from(data) });
  }

  #id(mode: bigint, uid: bigint, gid: bigint, attributes: AttributeSet): NodeId {
    const ids = this.#ids.get(attributes) ?? new Map<string, NodeId>();
    this.#ids.set(attributes, ids);
    const key = `${mode}:${uid}:${gid}`;
    const known = ids.get(key);
    if (known) return known;
    const meta = { mode: Number(mode), owner: this.#owners.user(uid), group: this.#owners.group(gid), attributes };
    const id = buildMeta(meta, node => this.#add(node));
    ids.set(key, id);
    return id;
  }

  #add(node: EncodedNode): void {
    this.#nodes.set(nodeKey(node.id), node);
    this.#sink.add(node);
  }
}
