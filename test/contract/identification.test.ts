import type { RegisteredPackages } from '@tidemark/controller/identification/records.ts';
import { createIdentification, type HostIdentification } from '@tidemark/controller/identification/service.ts';
import { createIdentificationStore } from '@tidemark/controller/store/identification.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import { breakPatch, INJECTION_SETS, install, keepServer, type Server } from '../support/injected-patches.ts';
import { type KnownProduct, learn, makeProduct } from '../support/known-products.ts';
import { seeded } from '../support/mutated-trees.ts';

const openStore = testStores();

const registeredAs = (installed: Record<string, string>): RegisteredPackages => ({
  manager: 'apt',
  installed: new Map(Object.entries(installed)),
  architecture: 'x64',
  truncated: false,
});

function identificationOf(store: Store, registered: (host: string) => RegisteredPackages | null, peers: string[] = []) {
  return createIdentification({
    store: createIdentificationStore(store),
    facts: {
      registered: async host => registered(host),
      registeredAll: async () => new Map(),
      running: async () => null,
    },
    peersOf: async () => peers,
  });
}

const found = (identified: HostIdentification | null): HostIdentification => {
  if (!identified) throw new Error('the fingerprint is there');
  return identified;
};

const exceptionsOf = ({ products }: HostIdentification, name: string): string[] =>
  (products.find(({ product }) => product === name)?.exceptions ?? [])
    .map(({ fate, path }) => `${fate} ${path}`)
    .sort();

describe('partial patches', () => {
  const CASES = 60;
  const random = seeded(20261130);
  const products = Array.from({ length: 12 }, (_, at) =>
    makeProduct(`svc${at}`, { files: 20 + random(40), versions: 3 + random(3), random }),
  );
  let store: Store;
  const registered = new Map<string, RegisteredPackages>();
  let identification: ReturnType<typeof identificationOf>;

  beforeAll(async () => {
    store = await openStore();
    await learn(store, products);
    identification = identificationOf(store, host => registered.get(host) ?? null);
  });

  /** Each product in some version that has one before. */
  const standing = (draw: (below: number) => number) => products.map(({ versions }) => 1 + draw(versions.length - 1));

  it(`names every file and no other, ${CASES} of all kinds`, async () => {
    for (let number = 0; number < CASES; number++) {
      const draw = seeded(number);
      const versions = standing(draw);
      const server: Server = new Map();
      for (const [at, product] of products.entries()) install(server, product.versions[versions[at] ?? 0]?.files ?? []);
      const broken = draw(products.length);
      const product = products[broken] as KnownProduct;
      const ways = INJECTION_SETS[number % INJECTION_SETS.length] ?? [];
      const expected = breakPatch(server, product, versions[broken] ?? 0, ways, draw);
      const host = `case-${number}`;
      const fingerprint = await keepServer(store, host, server);
      registered.set(
        host,
        registeredAs(
          Object.fromEntries(
            products.map(({ name, versions: all }, at) => [name, all[versions[at] ?? 0]?.version ?? '']),
          ),
        ),
      );
      const identified = found(await identification.identify(fingerprint, []));
      const label = `case ${number}: ${ways.join(' and ')} in ${product.name} ${product.versions[versions[broken] ?? 0]?.version}`;
      expect(exceptionsOf(identified, product.name), label).toEqual(expected);
      expect(
        identified.products.filter(({ state }) => state !== 'complete').map(each => each.product),
        label,
      ).toEqual(expected.length > 0 ? [product.name] : []);
      for (const [at, each] of products.entries()) {
        if (at === broken) continue;
        const one = identified.products.find(({ product: name }) => name === each.name);
        expect(
          one?.versions.map(({ version }) => version),
          label,
        ).toEqual([each.versions[versions[at] ?? 0]?.version]);
      }
      const known = new Set(expected.map(text => text.slice(text.indexOf(' ') + 1)));
      expect(
        identified.strays.map(({ path }) => path).filter(path => !known.has(path)),
        label,
      ).toEqual([]);
    }
  }, 120_000);
});
