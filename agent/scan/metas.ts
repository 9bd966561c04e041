import type { BigIntStats } from 'node:fs';
import { buildMeta, type Emit } from '@tidemark/shared/fingerprint/build.ts';
import type { NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import type { Attributes } from './attributes.ts';
import type { Owners } from './owners.ts';

const NONE: ReadonlyMap<string, Buffer> = new Map();

/** Gives the meta object of what stands at a path; each is made once. */
export class Metas {
  readonly #owners: Owners;
  readonly #attributes: Attributes;
  readonly #emit: Emit;
  readonly #known = new Map<string, NodeId>();
  /** Neighbours mostly have the same. */
  #last: { mode: bigint; uid: bigint; gid: bigint; id: NodeId } | null = null;

  constructor(owners: Owners, attributes: Attributes, emit: Emit) {
    this.#owners = owners;
    this.#attributes = attributes;
    this.#emit = emit;
  }

  idOf(stat: BigIntStats, path: string): NodeId {
    const { uid, gid } = stat;
    const mode = stat.mode & 0o7777n;
    const attributes = this.#attributes.of(path);
    if (attributes) return this.#id(mode, uid, gid, attributes);
    const last = this.#last;
    if (last && last.mode === mode && last.uid === uid && last.gid === gid) return last.id;
    const id = this.#id(mode, uid, gid, NONE);
    this.#last = { mode, uid, gid, id };
    return id;
  }

  #id(mode: bigint, uid: bigint, gid: bigint, attributes: ReadonlyMap<string, Buffer>): NodeId {
    let key = `${mode}:${uid}:${gid}`;
    for (const [name, value] of attributes) key += ` ${name}=${value.toString('latin1')}`;
    const known = this.#known.get(key);
    if (known) return known;
    const meta = { mode: Number(mode), owner: this.#owners.user(uid), group: this.#owners.group(gid), attributes };
    const id = buildMeta(meta, this.#emit);
    this.#known.set(key, id);
    return id;
  }
}
