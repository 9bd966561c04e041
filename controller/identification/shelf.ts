import { decodeFileList, type ListedFile } from '../harvest/file-list.ts';
import { Library } from './library.ts';
import type { IdentificationStore } from './ports.ts';

/** The library in memory: read once, and then only what was added. */
export function createShelf(store: Pick<IdentificationStore, 'libraryState' | 'knownVersions' | 'lists'>) {
  let library = new Library();
  let state = '';
  let turn: Promise<unknown> = Promise.resolve();

  async function refresh(signal?: AbortSignal): Promise<Library> {
    const now = await store.libraryState();
    if (now === state) return library;
    const known = await store.knownVersions();
    let added = library.update(known);
    if (library.hasForgotten) {
      library = new Library();
      added = library.update(known);
    }
    const byList = Map.groupBy(added, ({ list }) => list);
    // What failed half way is begun anew, since a list must not be added twice.
    state = 'reading';
    try {
      for await (const { id, data } of store.lists([...byList.keys()])) {
        signal?.throwIfAborted();
        for (const edition of byList.get(id) ?? []) library.addList(edition, data);
      }
    } catch (error) {
      library = new Library();
      throw error;
    }
    state = now;
    return library;
  }

  return {
    /**
     * One after the other: two that read the same lists would add them twice. Whoever asks while it is read waits for all of it.
     * Rejects with the signal's reason.
     */
    library: (signal?: AbortSignal): Promise<Library> => {
      const next = turn.then(() => refresh(signal));
      turn = next.catch(() => {});
      return next;
    },
    files: async (ids: readonly number[]): Promise<Map<number, ListedFile[]>> => {
      const files = new Map<number, ListedFile[]>();
      for await (const { id, data } of store.lists([...new Set(ids)])) files.set(id, decodeFileList(data));
      return files;
    },
  };
}
