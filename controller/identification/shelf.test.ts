import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { encodeFileList } from '../harvest/file-list.ts';
import type { KnownVersion } from './records.ts';
import { createShelf } from './shelf.ts';

const LISTS = 3;
const known = Array.from(
  { length: LISTS },
  (_, at): KnownVersion => ({
    ...{ id: at + 1, product: `p${at}`, architecture: null, version: '1', source: 'deb', tier: 'vendor', list: at },
  }),
);
const listOf = (at: number) =>
  encodeFileList([
    {
      ...{ path: `/usr/bin/p${at}`, kind: 'file', flags: [], mode: 0o755, owner: 'root', group: 'root', size: 1 },
      ...{ sha256: `${at}`.repeat(64), target: null },
    },
  ]);

/** Gives lists one by one, as `next` lets it. */
function slowStore() {
  let [let_, waiting] = [0, [] as (() => void)[]];
  const read: number[] = [];
  return {
    read,
    next: () => {
      let_ += 1;
      waiting.shift()?.();
    },
    store: {
      libraryState: async () => 'one',
      knownVersions: async () => known,
      async *lists(ids: readonly number[]) {
        for (const id of ids) {
          if (read.length >= let_) await new Promise<void>(resolve => waiting.push(resolve));
          read.push(id);
          yield { id, data: listOf(id) };
        }
      },
    },
  };
}

it('lets who asks while it is read wait for all of it, and reads it once', async () => {
  const { store, next, read } = slowStore();
  const shelf = createShelf(store);
  const ahead = shelf.library();
  next();
  await setImmediate();
  let answered = false;
  const asked = shelf.library().then(library => {
    answered = true;
    return library;
  });
  await setImmediate();
  expect(answered).toBe(false);
  next();
  next();
  expect((await asked).size).toEqual({ editions: LISTS, variants: LISTS });
  expect(await ahead).toBe(await asked);
  expect(read).toEqual([0, 1, 2]);
});

it('begins anew for who asks after reading was ended half way', async () => {
  const { store, next, read } = slowStore();
  const shelf = createShelf(store);
  const ending = new AbortController();
  const ahead = shelf.library(ending.signal);
  next();
  await setImmediate();
  ending.abort();
  const asked = shelf.library();
  for (let list = 0; list < LISTS + 1; list++) next();
  await expect(ahead).rejects.toThrow();
  expect((await asked).size).toEqual({ editions: LISTS, variants: LISTS });
  expect(read.length).toBeGreaterThan(LISTS);
});
