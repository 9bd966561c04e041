import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { openScan, writeScan } from '@tidemark/agent/scan/scan.ts';
import { listChanges } from '@tidemark/shared/fingerprint/diff.ts';
import type { Content } from '@tidemark/shared/fingerprint/entry.ts';
import { loadMetas, type NodeLoader } from '@tidemark/shared/fingerprint/load.ts';
import { nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { walkTree } from '@tidemark/shared/fingerprint/walk.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differences, growTree, type Listed, listByTools, mutate, seeded } from '../support/mutated-trees.ts';

/* A scan is right where find, stat and sha256sum say the same. A failure's title says the seed. */

const SEEDS = [1, 2, 3, 4];
const ENTRIES = 80;
const CHANGES = 25;
/** What was touched later than this before a scan is read again by the next one in any case. */
const RACY_MS = 2_100;

const PROFILE: ScanProfile = {
  name: 'oracle',
  version: 1,
  roots: [{ path: '/', plane: 'software' }],
  ignore: [],
  expect: [],
};

const LETTERS: Partial<Record<Content['kind'], string>> = { file: 'f', directory: 'd', symlink: 'l', fifo: 'p' };

let base: string;
const rootOf = (seed: number) => join(base, `tree-${seed}`);

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'tm-oracle-'));
  for (const seed of SEEDS) growTree(rootOf(seed), seeded(seed), ENTRIES);
  await wait(RACY_MS);
});

afterAll(() => rmSync(base, { recursive: true, force: true }));

async function scan(seed: number, name: string) {
  const directory = join(base, `${name}-${seed}`);
  const written = await writeScan(directory, name, {
    profile: { ...PROFILE, name: `oracle ${seed}` },
    root: rootOf(seed),
    cache: join(base, 'cache'),
  });
  const stored = openScan(directory);
  if (!stored.ok) throw new Error(stored.error);
  const load: NodeLoader = async ids =>
    new Map(ids.flatMap(id => [[nodeKey(id), stored.value.node(id)?.data ?? Buffer.alloc(0)]]));
  return { written, root: Buffer.from(written.softwareRoot, 'hex'), load, close: stored.value.close };
}

type Scanned = Awaited<ReturnType<typeof scan>>;

/** A scan as the tools would write it. */
async function listed({ root, load }: Scanned): Promise<Map<string, Listed>> {
  const found = new Map<string, Listed>();
  for await (const { path, entry } of walkTree('software', root, load)) {
    const name = path.toString('latin1').slice(1);
    if (name === '') continue;
    const [meta] = (await loadMetas(entry.meta ? [entry.meta] : [], load)).values();
    const own =
      entry.kind === 'file'
        ? `${entry.size} ${entry.digest.toString('hex')}`
        : entry.kind === 'symlink'
          ? entry.target.toString('latin1')
          : '';
    found.set(name, {
      content: `${LETTERS[entry.kind]} ${own}`,
      meta: `${meta?.mode.toString(8)} ${meta?.owner} ${meta?.group}`,
    });
  }
  return found;
}

describe('a scan and plain tools', () => {
  it.each(SEEDS)(
    'agree on a tree, and on what was changed in it, with digests kept from the first scan: seed %i',
    async seed => {
      const before = await scan(seed, 'before');
      const toolsBefore = listByTools(rootOf(seed));
      expect(await listed(before)).toEqual(toolsBefore);
      const random = seeded(seed + 1_000);
      for (let change = 0; change < CHANGES; change++) mutate(rootOf(seed), random);
      const after = await scan(seed, 'after');
      const toolsAfter = listByTools(rootOf(seed));
      expect(await listed(after)).toEqual(toolsAfter);
      // Else this would say nothing about what is kept.
      expect(after.written.bytesRead).toBeLessThan(after.written.coverage.bytes);
      const load: NodeLoader = async ids => {
        const nodes = new Map(await before.load(ids));
        for (const [key, data] of await after.load(ids)) if (data.length > 0) nodes.set(key, data);
        return nodes;
      };
      const changes = await listChanges('software', before.root, after.root, load);
      const named = changes.map(({ change, path }) => `${change} ${path.toString('latin1').slice(1)}`);
      expect(named.filter(text => !text.endsWith(' ')).sort()).toEqual(differences(toolsBefore, toolsAfter));
      before.close();
      after.close();
    },
  );
});
