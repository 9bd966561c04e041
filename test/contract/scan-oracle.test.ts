import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasAide } from '../support/aide.ts';
import { aideOracle } from '../support/aide-oracle.ts';
import { differences, listByTools, mutate, seeded } from '../support/mutated-trees.ts';
import { listScanned, SeededTrees, scannedDifferences } from '../support/scanned-trees.ts';

/* A scan is right where find, stat and sha256sum say the same. A failure's title says the seed. */

const SEEDS = [1, 2, 3, 4];
const ENTRIES = 80;
const CHANGES = 25;

let trees: SeededTrees;

beforeAll(async () => {
  trees = await SeededTrees.grown(SEEDS, ENTRIES);
});

afterAll(() => trees.remove());

describe('a scan and plain tools', () => {
  it.each(SEEDS)(
    'agree on a tree, and on what was changed in it, with digests kept from the first scan: seed %i',
    async seed => {
      const root = trees.rootOf(seed);
      const before = await trees.scan(seed, 'before');
      const toolsBefore = listByTools(root);
      expect(await listScanned(before)).toEqual(toolsBefore);
      const random = seeded(seed + 1_000);
      for (let change = 0; change < CHANGES; change++) mutate(root, random);
      const after = await trees.scan(seed, 'after');
      const toolsAfter = listByTools(root);
      expect(await listScanned(after)).toEqual(toolsAfter);
      // Else this would say nothing about what is kept.
      expect(after.written.bytesRead).toBeLessThan(after.written.coverage.bytes);
      expect(await scannedDifferences(before, after)).toEqual(differences(toolsBefore, toolsAfter));
      before.close();
      after.close();
    },
  );
});

// The lab installs AIDE and does the same with more seeds (test/lab/scan-tools.lab.ts).
describe.skipIf(!hasAide())('beside AIDE, where it is installed', () => aideOracle([1, 2]));
