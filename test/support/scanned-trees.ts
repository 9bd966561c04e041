import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { openScan, type WrittenScan, writeScan } from '@tidemark/agent/scan/scan-files.ts';
import { listChanges } from '@tidemark/shared/fingerprint/diff.ts';
import type { Content } from '@tidemark/shared/fingerprint/entry.ts';
import { loadMetas, type NodeLoader } from '@tidemark/shared/fingerprint/load.ts';
import { nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { walkTree } from '@tidemark/shared/fingerprint/walk.ts';
import { growTree, type Listed, seeded } from './mutated-trees.ts';

/* Trees from seeds, scanned as an agent does, in the words of plain tools. Paths are bytes as latin1. */

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

export interface ScannedTree {
  written: WrittenScan;
  root: Buffer;
  load: NodeLoader;
  close(): void;
}

/** Trees of these seeds, so long untouched that the first scan of each keeps what it has read. */
export class SeededTrees {
  readonly base = mkdtempSync(join(tmpdir(), 'tm-oracle-'));

  static async grown(seeds: readonly number[], entries: number): Promise<SeededTrees> {
    const trees = new SeededTrees();
    for (const seed of seeds) growTree(trees.rootOf(seed), seeded(seed), entries);
    await wait(RACY_MS);
    return trees;
  }

  rootOf(seed: number): string {
    return join(this.base, `tree-${seed}`);
  }

  /** What earlier scans of the same seed have kept is used. */
  async scan(seed: number, name: string): Promise<ScannedTree> {
    const directory = join(this.base, `${name}-${seed}`);
    const written = await writeScan(directory, name, {
      profile: { ...PROFILE, name: `oracle ${seed}` },
      root: this.rootOf(seed),
      cache: join(this.base, 'cache'),
    });
    const stored = openScan(directory);
    if (!stored.ok) throw new Error(stored.error);
    const load: NodeLoader = async ids =>
      new Map(ids.flatMap(id => [[nodeKey(id), stored.value.node(id)?.data ?? Buffer.alloc(0)]]));
    return { written, root: Buffer.from(written.softwareRoot, 'hex'), load, close: stored.value.close };
  }

  remove(): void {
    rmSync(this.base, { recursive: true, force: true });
  }
}

/** A scan as the tools would write it, by path relative to the root. */
export async function listScanned({ root, load }: ScannedTree): Promise<Map<string, Listed>> {
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

/** The differences of two scans, as `differences` of mutated-trees.ts writes them; the root itself is left out. */
export async function scannedDifferences(before: ScannedTree, after: ScannedTree): Promise<string[]> {
  const load: NodeLoader = async ids => {
    const nodes = new Map(await before.load(ids));
    for (const [key, data] of await after.load(ids)) if (data.length > 0) nodes.set(key, data);
    return nodes;
  };
  const changes = await listChanges('software', before.root, after.root, load);
  const named = changes.map(({ change, path }) => `${change} ${path.toString('latin1').slice(1)}`);
  return named.filter(text => !text.endsWith(' ')).sort();
}
