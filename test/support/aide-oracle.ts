import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startAide } from './aide.ts';
import { mutate, seeded } from './mutated-trees.ts';
import { SeededTrees, scannedDifferences } from './scanned-trees.ts';

const ENTRIES = 80;
const CHANGES = 25;

/** Tests that what two scans differ in is what AIDE finds on the same tree. AIDE must be there. */
export function aideOracle(seeds: readonly number[]): void {
  let trees: SeededTrees;

  beforeAll(async () => {
    trees = await SeededTrees.grown(seeds, ENTRIES);
  });

  afterAll(() => trees.remove());

  it.each(seeds)('finds what AIDE finds, and nothing else: seed %i', async seed => {
    const directory = join(trees.base, `aide-${seed}`);
    mkdirSync(directory);
    const before = await trees.scan(seed, 'before');
    const aide = startAide(directory, trees.rootOf(seed));
    expect(aide.check()).toEqual([]);
    const random = seeded(seed + 2_000);
    for (let change = 0; change < CHANGES; change++) mutate(trees.rootOf(seed), random);
    const after = await trees.scan(seed, 'after');
    const found = await scannedDifferences(before, after);
    expect(found).toEqual(aide.check());
    expect(found.length).toBeGreaterThan(CHANGES / 2);
    before.close();
    after.close();
  });
}
