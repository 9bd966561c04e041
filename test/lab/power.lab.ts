import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeCut, planCut } from './power-cuts.ts';
import { PowerLab } from './power-hosts.ts';

/* Ten cuts at moments that are new in each run; `npm run lab:powercuts` does as many as one likes. */

const HOSTS = 5;
const ROUNDS = [0, 1];
const seed = randomBytes(4).toString('hex');

describe('an upgrade whose power goes at a random moment', () => {
  let lab: PowerLab;

  beforeAll(async () => {
    lab = await PowerLab.start(HOSTS, () => undefined);
  });

  afterAll(() => lab?.fleet.down());

  it.each(ROUNDS)(`10: leaves exact versions and nothing half done, seed ${seed}, round %i`, async round => {
    const cuts = Array.from({ length: HOSTS }, (_, index) => planCut(seed, round * HOSTS + index));
    for (const { cut, findings } of await lab.cutAll(cuts)) {
      const again = `npm run lab:powercuts -- --seed ${seed} --first ${cut.number} --count 1`;
      expect([describeCut(cut), again, ...findings]).toEqual([describeCut(cut), again]);
    }
  });
});
