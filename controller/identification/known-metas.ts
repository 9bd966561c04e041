import type { Entry, NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import type { NodeLoader } from '@tidemark/shared/fingerprint/load.ts';
import type { Meta } from '@tidemark/shared/fingerprint/meta.ts';
import { decodeNode, nodeIdOfKey, nodeKey } from '@tidemark/shared/fingerprint/node.ts';

/** A fleet has some hundred; where every file has a label of its own, memory must not grow with them. */
const MOST = 20_000;

/** Metas of files, each loaded once for the whole fleet. */
export class KnownMetas {
  readonly #load: NodeLoader;
  readonly #known = new Map<string, Meta>();

  constructor(load: NodeLoader) {
    this.#load = load;
  }

  /** Loads what these files need. */
  async know(lists: readonly (readonly Entry[])[]): Promise<void> {
    if (this.#known.size > MOST) this.#known.clear();
    const needed = new Set<string>();
    for (const list of lists) for (const entry of list) if (entry.kind === 'file') needed.add(nodeKey(entry.meta));
    const missing = [...needed].filter(key => !this.#known.has(key)).map(nodeIdOfKey);
    if (missing.length === 0) return;
    for (const [key, data] of await this.#load(missing)) {
      const node = decodeNode(data);
      if (node.ok && node.value.type === 'meta') this.#known.set(key, node.value.meta);
    }
  }

  metaOf = (id: NodeId): Meta | null => this.#known.get(nodeKey(id)) ?? null;
}
