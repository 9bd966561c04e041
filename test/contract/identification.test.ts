import type { RegisteredPackages } from '@tidemark/controller/identification/records.ts';
import { createIdentification } from '@tidemark/controller/identification/service.ts';
import { createIdentificationStore } from '@tidemark/controller/store/identification.ts';
import { expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import { injectedCase } from '../support/injected-patches.ts';
import { learn, makeProduct } from '../support/known-products.ts';
import { seeded } from '../support/mutated-trees.ts';

const openStore = testStores();
/** Every kind of partial patch and every mixture of kinds, four times; `npm run bench:signatures` has 500. */
const CASES = 60;

it(`names every file of ${CASES} partial patches and no other`, { timeout: 120_000 }, async () => {
  const random = seeded(20261130);
  const products = Array.from({ length: 12 }, (_, at) =>
    makeProduct(`svc${at}`, { files: 20 + random(40), versions: 3 + random(3), random }),
  );
  const store = await openStore();
  await learn(store, products);
  let told: RegisteredPackages | null = null;
  const identification = createIdentification({
    store: createIdentificationStore(store),
    facts: { registered: async () => told, registeredAs: async () => new Map(), running: async () => null },
    peersOf: async () => [],
  });
  let files = 0;
  for (let number = 0; number < CASES; number++) {
    const { label, expected, wrong } = await injectedCase(number, {
      store,
      products,
      identify: (fingerprint, registered) => {
        told = registered;
        return identification.identify(fingerprint, []);
      },
    });
    expect(wrong, label).toEqual([]);
    files += expected.length;
  }
  // Some four files a case: it would be no test if nothing had been broken.
  expect(files).toBeGreaterThan(CASES * 2);
});
