import type { ListedFile } from '@tidemark/controller/harvest/file-list.ts';
import type { RunningState } from '@tidemark/controller/identification/ports.ts';
import type { RegisteredPackages } from '@tidemark/controller/identification/records.ts';
import { createIdentification, type HostIdentification } from '@tidemark/controller/identification/service.ts';
import { createInventory } from '@tidemark/controller/inventory/service.ts';
import { createIdentificationStore, registeredAs } from '@tidemark/controller/store/identification.ts';
import { inventoryStore } from '@tidemark/controller/store/inventory.ts';
import { hosts } from '@tidemark/controller/store/schema.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { applicationProfile } from '@tidemark/shared/fingerprint/profiles.ts';
import { packagesSection } from '@tidemark/shared/testing/packages.ts';
import { metaNode } from '@tidemark/shared/testing/trees.ts';
import { eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import { addHost } from '../support/fingerprint-server.ts';
import { install, installed, keepScan, keepServer, type Server } from '../support/injected-patches.ts';
import { type KnownProduct, learn, listedFile, makeProduct } from '../support/known-products.ts';
import { seeded } from '../support/mutated-trees.ts';

const openStore = testStores();

interface World {
  store: Store;
  identify(server: Server, installed: Record<string, string> | null, host?: string): Promise<HostIdentification>;
  identification: ReturnType<typeof createIdentification>;
  /** Nodes that were read. */
  loaded: () => number;
}

async function worldOf(
  products: readonly KnownProduct[],
  { peers = [], running = null }: { peers?: string[]; running?: RunningState | null } = {},
): Promise<World> {
  const store = await openStore();
  await learn(store, products);
  const told = new Map<string, RegisteredPackages>();
  let loaded = 0;
  const real = createIdentificationStore(store);
  const identification = createIdentification({
    store: {
      ...real,
      load: ids => {
        loaded += ids.length;
        return real.load(ids);
      },
    },
    facts: {
      registered: async host => told.get(host) ?? null,
      registeredAs: async () => told,
      running: async () => running,
    },
    peersOf: async () => peers,
  });
  let made = 0;
  return {
    store,
    identification,
    loaded: () => loaded,
    identify: async (server, installed, host = `host${++made}`) => {
      if (installed) {
        const list = new Map(Object.entries(installed));
        told.set(host, { manager: 'apt', installed: list, architecture: 'x64', truncated: false });
      }
      const found = await identification.identify(await keepServer(store, host, server), []);
      if (!found) throw new Error('the fingerprint is there');
      return found;
    },
  };
}

const program = (path: string, content: string): ListedFile => listedFile(path, content, { mode: 0o755 });
const link = (path: string, target: string): ListedFile => ({
  ...listedFile(path, ''),
  ...{ kind: 'symlink', mode: null, size: 0, sha256: null, target },
});
const serverOf = (...lists: readonly ListedFile[][]): Server => {
  const server: Server = new Map();
  for (const files of lists) install(server, files);
  return server;
};
const product = (name: string, versions: Record<string, ListedFile[]>, architecture?: string): KnownProduct => ({
  name,
  ...(architecture && { architecture }),
  versions: Object.entries(versions).map(([version, files]) => ({ version, files })),
});
const sentences = ({ products }: HostIdentification): string[] =>
  products.map(each => `${each.product}: ${each.sentence}`);
const explained = ({ programs }: HostIdentification): number =>
  Object.values(programs.explained).reduce((sum, bytes) => sum + bytes, 0) / programs.bytes;

const OLD = [
  program('/usr/bin/shop', 'shop 1'),
  program('/usr/lib/shop/core.so', 'core 1'),
  listedFile('/usr/lib/shop/a', 'a'),
];
const NEW = [
  program('/usr/bin/shop', 'shop 2'),
  program('/usr/lib/shop/core.so', 'core 2'),
  listedFile('/usr/lib/shop/a', 'a'),
];
const SHOP = product('shop', { '1.0': OLD, '2.0': NEW });

describe('the versions that fit', () => {
  it('are found without a package database, too', async () => {
    const { identify } = await worldOf([SHOP]);
    expect(sentences(await identify(serverOf(NEW), null))).toEqual(['shop: 2.0, complete (3 files)']);
    const mixed = serverOf(NEW, [OLD[1] as ListedFile]);
    expect(sentences(await identify(mixed, null))).toEqual([
      'shop: 2 of 3 files of 2.0; 1 still 1.0: /usr/lib/shop/core.so',
    ]);
  });

  it('are a class where they cannot be told apart, each with what it rests on', async () => {
    const { identify } = await worldOf([product('shop', { '1.0': OLD, '2.0': NEW, '2.0+rebuilt': NEW })]);
    const { products } = await identify(serverOf(NEW), { shop: '2.0' });
    expect(products[0]?.versions).toEqual([
      { version: '2.0', tier: 'repository' },
      { version: '2.0+rebuilt', tier: 'repository' },
    ]);
    expect(products[0]?.state).toBe('complete');
  });

  it('are held against the build of the registered version that is there', async () => {
    const wrapped = [program('/usr/bin/shop.distrib', 'shop 2'), program('/usr/bin/shop', 'a wrapper')];
    const builds = [product('shop', { '2.0': OLD }), product('shop', { '2.0': NEW, '3.0': OLD.slice(1) })];
    const { identify } = await worldOf(builds);
    // A diversion, so that sums do not settle it.
    const { products } = await identify(serverOf(NEW, wrapped), { shop: '2.0' });
    expect(products.map(({ state, sentence }) => [state, sentence])).toEqual([['complete', '2.0, complete (3 files)']]);
    const half = await identify(serverOf(NEW, [program('/usr/bin/shop', 'edited')]), { shop: '2.0' });
    expect(sentences(half)).toEqual(['shop: 2 of 3 files of 2.0; 1 modified: /usr/bin/shop']);
  });

  it('may be beside each other where they share no path, as kernels do, and not where they do', async () => {
    const kernel = (version: string) => [
      program(`/usr/lib/modules/${version}/vmlinuz`, version),
      listedFile(`/usr/lib/modules/${version}/kernel/a.ko`, `a ${version}`),
      listedFile('/usr/share/doc/kernel/README', version, { flags: ['doc'] }),
    ];
    const [v1, v2, v3] = ['6.1', '6.2', '6.3'].map(kernel) as [ListedFile[], ListedFile[], ListedFile[]];
    const shrunk = product('shop', { '1.0': NEW, '2.0': NEW.slice(1) });
    const { identify } = await worldOf([product('kernel', { '6.1': v1, '6.2': v2, '6.3': v3 }), shrunk]);
    const found = await identify(serverOf(v1, v2, NEW), { kernel: '6.2', shop: '2.0' });
    expect(found.products.map(({ product: name, state }) => [name, state])).toEqual([
      ['kernel', 'complete'],
      ['shop', 'contradicted'],
    ]);
    const rest = await identify(serverOf([v1[0] as ListedFile], v2), { kernel: '6.2' });
    expect(sentences(rest)).toEqual([
      'kernel: 3 of 3 files of 6.2; 1 left over from 6.1: /usr/lib/modules/6.1/vmlinuz',
    ]);
  });

  it('are held against the package database, both ways', async () => {
    const ghost = product('ghost', { '1': [program('/usr/bin/ghost', 'ghost')] });
    const tool = product('tool', { '1': [program('/usr/bin/tool', 'tool')] });
    const { identify } = await worldOf([SHOP, ghost, tool]);
    const found = await identify(serverOf(OLD, [program('/usr/bin/tool', 'tool')]), {
      shop: '2.0',
      ghost: '1',
      htop: '3.2',
    });
    expect(sentences(found)).toEqual([
      'ghost: 1 by the package database, but none of its 1 file is there',
      'shop: 1.0, complete (3 files), but the package database says 2.0',
      'tool: 1, complete (1 file), which the package database does not know',
    ]);
    expect(found.unknown).toEqual([{ name: 'htop', version: '3.2' }]);
  });

  it('are not guessed where the registered one is unknown: nothing is called modified', async () => {
    const { identify } = await worldOf([SHOP]);
    const later = NEW.map(file => listedFile(file.path, `${file.path} 3`, { mode: file.mode }));
    const { products } = await identify(serverOf(later), { shop: '3.0' });
    expect(products.map(({ state, exceptions }) => [state, exceptions])).toEqual([['version-unknown', []]]);
  });

  it('leave what a removed product left behind', async () => {
    const { identify } = await worldOf([SHOP, product('tool', { '1': [program('/usr/bin/tool', 'tool')] })]);
    const found = await identify(serverOf([program('/usr/bin/tool', 'tool'), NEW[1] as ListedFile]), { tool: '1' });
    expect(found.products.map(each => [each.product, each.state])).toEqual([
      ['shop', 'left-behind'],
      ['tool', 'complete'],
    ]);
    expect(sentences(found)[0]).toBe('shop: 1 file left behind of 2.0, which the package database does not know');
  });
});

describe('what is no finding', () => {
  it('is configuration that was edited, and documentation that was left out', async () => {
    const files = [
      ...NEW,
      listedFile('/etc/shop.conf', 'as shipped', { flags: ['config'] }),
      program('/etc/init.d/shop', '#!/bin/sh'),
      listedFile('/usr/share/doc/shop/copyright', 'free', { flags: ['doc'] }),
      listedFile('/usr/share/locale/de/shop.mo', 'Laden'),
    ].map(file => (file.path === '/etc/init.d/shop' ? { ...file, flags: ['config' as const] } : file));
    const { identify } = await worldOf([product('shop', { '2.0': files })]);
    const server = serverOf(files);
    server.delete('/usr/share/doc/shop/copyright');
    server.delete('/usr/share/locale/de/shop.mo');
    install(server, [listedFile('/etc/shop.conf', 'edited'), program('/etc/init.d/shop', '#!/bin/bash')]);
    const found = await identify(server, { shop: '2.0' });
    expect(sentences(found)).toEqual(['shop: 2.0, complete (3 files)']);
    expect(found.edited).toEqual(['/etc/init.d/shop', '/etc/shop.conf']);
    expect([explained(found), found.strays]).toEqual([1, []]);
  });

  it('is where files lie: without the merge into /usr, behind a link, or moved aside by a diversion', async () => {
    const dash = [program('/usr/bin/dash', 'dash'), link('/usr/bin/sh', 'dash'), program('/usr/lib/shop/deep/x', 'x')];
    const { identify } = await worldOf([SHOP, product('dash', { '1': dash })]);
    const server = serverOf(NEW, dash);
    // A system that was never merged.
    server.set('/bin/dash', { ...installed(dash[0] as ListedFile), path: Buffer.from('/bin/dash') });
    server.delete('/usr/bin/dash');
    // An administrator moved a directory.
    server.set('/srv', installed(link('/srv', 'x')));
    server.delete('/srv');
    server.delete('/usr/lib/shop/deep/x');
    install(server, [link('/usr/lib/shop/deep', '/opt/deep'), program('/opt/deep/x', 'x')]);
    // Another program in its place, by hand.
    install(server, [program('/usr/bin/shop.distrib', 'shop 2'), program('/usr/bin/shop', 'a wrapper')]);
    // Alternatives.
    install(server, [link('/usr/bin/editor', '/etc/alternatives/editor')]);
    const found = await identify(server, { shop: '2.0', dash: '1' });
    expect(found.products.map(({ product: name, state }) => [name, state])).toEqual([
      ['dash', 'complete'],
      ['shop', 'complete'],
    ]);
    expect(found.products[1]?.diverted).toEqual([{ path: '/usr/bin/shop', to: '/usr/bin/shop.distrib' }]);
    expect(found.strays.map(({ path }) => path)).toEqual(['/opt/deep/x', '/usr/bin/shop']);
  });

  it('is a file that another package took over, or that two architectures share', async () => {
    const common = listedFile('/usr/share/shop/common', 'both');
    const library = (architecture: string) => [program(`/usr/lib/${architecture}/libshop.so`, architecture), common];
    const taker = product('taker', { '1': [program('/usr/bin/shop', 'taken')] });
    const { identify } = await worldOf([
      SHOP,
      taker,
      product('libshop', { '1': library('x86_64-linux-gnu') }, 'amd64'),
      product('libshop', { '1': library('i386-linux-gnu') }, 'i386'),
    ]);
    const server = serverOf(
      NEW,
      [program('/usr/bin/shop', 'taken')],
      library('x86_64-linux-gnu'),
      library('i386-linux-gnu'),
    );
    const found = await identify(server, { shop: '2.0', taker: '1', libshop: '1', 'libshop:i386': '1' });
    expect(found.products.map(({ product: name, architecture, state }) => [name, architecture, state])).toEqual([
      ['libshop', 'amd64', 'complete'],
      ['libshop', 'i386', 'complete'],
      ['shop', 'amd64', 'complete'],
      ['taker', 'amd64', 'complete'],
    ]);
    expect(explained(found)).toBe(1);
  });

  it('is what most peers have alike, which is a tier of its own', async () => {
    const { identify } = await worldOf([SHOP], { peers: ['a', 'b', 'c'] });
    const own = program('/usr/local/bin/site-tool', 'everywhere');
    for (const peer of ['a', 'b']) await identify(serverOf(NEW, [own]), null, peer);
    await identify(serverOf(NEW), null, 'c');
    const found = await identify(serverOf(NEW, [own, program('/usr/local/bin/only-here', 'evil')]), null);
    expect(found.strays.map(({ path, peers }) => [path, peers])).toEqual([
      ['/usr/local/bin/only-here', 0],
      ['/usr/local/bin/site-tool', 2],
    ]);
    expect(found.programs.explained.peers).toBe(own.size);
  });
});

it('names what must be restarted, and of which product it is', async () => {
  const running: RunningState = {
    kernel: { running: '6.1.0-1', newest: '6.1.0-2' },
    rebootReasons: ['kernel 6.1.0-1 runs, and 6.1.0-2 is installed'],
    stale: [{ unit: 'shop.service', processes: ['shop 12'], files: ['/usr/lib/shop/core.so'] }],
  };
  const { identify } = await worldOf([SHOP], { running });
  expect((await identify(serverOf(NEW), { shop: '2.0' })).loaded).toEqual({
    complete: false,
    kernel: running.kernel,
    reboot: running.rebootReasons,
    restart: [{ unit: 'shop.service', processes: ['shop 12'], files: ['/usr/lib/shop/core.so'], products: ['shop'] }],
  });
});

it('finds out once what hosts share, and anew only what a new signature touches', async () => {
  const many = Array.from({ length: 12 }, (_, at) =>
    makeProduct(`svc${at}`, { files: 600, versions: 2, random: seeded(at) }),
  );
  const world = await worldOf(many);
  const files = many.flatMap(each => each.versions[1]?.files ?? []);
  const registered = Object.fromEntries(many.map(({ name }) => [name, '1.1-1']));
  const reads = async (work: () => Promise<HostIdentification>): Promise<[number, HostIdentification]> => {
    const before = world.loaded();
    const found = await work();
    return [world.loaded() - before, found];
  };
  const [cold] = await reads(() => world.identify(serverOf(files), registered));
  const [same, again] = await reads(() => world.identify(serverOf(files), registered));
  expect(same).toBe(0);
  const own = serverOf(files, [program('/usr/local/bin/x', 'x')]);
  const [different, other] = await reads(() => world.identify(own, registered));
  // The way down to what differs, and directories that are too small to be kept: twice, since a file is named.
  expect(different).toBeLessThan(cold / 2);
  expect(sentences(other)).toEqual(sentences(again));
  await learn(world.store, [product('extra', { '1': [program('/usr/local/bin/x', 'x')] })]);
  const [touched, found] = await reads(() => world.identify(own, { ...registered, extra: '1' }));
  expect(touched).toBeLessThan(cold / 2);
  expect(found.products.find(each => each.product === 'extra')?.sentence).toBe('1, complete (1 file)');
  expect(explained(found)).toBe(1);
});

it('shows which version is on which host, and who owns a file', async () => {
  const { identify, identification } = await worldOf([SHOP]);
  await identify(serverOf(OLD), { shop: '1.0' }, 'web01');
  await identify(serverOf(NEW), { shop: '2.0' }, 'web02');
  await identify(serverOf(NEW), { shop: '1.0' }, 'web03');
  await identify(serverOf([listedFile('/etc/other', 'x')]), {}, 'web04');
  const { known, hosts: found } = await identification.versions('shop');
  expect(known).toEqual(['1.0', '2.0']);
  expect(found.map(({ host, versions, state }) => [host, versions, state])).toEqual([
    ['web01', ['1.0'], 'complete'],
    ['web02', ['2.0'], 'complete'],
    ['web03', ['2.0'], 'contradicted'],
  ]);
  const owners = await identification.owners({ path: '/bin/shop' });
  expect(owners.map(({ versions, path }) => [versions, path])).toEqual([
    [['1.0'], '/usr/bin/shop'],
    [['2.0'], '/usr/bin/shop'],
  ]);
  const shared = listedFile('/usr/lib/shop/a', 'a').sha256 ?? '';
  expect((await identification.owners({ sha256: shared })).map(({ versions }) => versions)).toEqual([['1.0', '2.0']]);
});

it('says nothing of packages where nobody looked, and takes the scan that did', async () => {
  const { store, identification, identify } = await worldOf([SHOP, product('meta', { '1': [] })]);
  await identify(serverOf(NEW), { shop: '2.0', meta: '1' }, 'both');
  await identify(serverOf(NEW), { shop: '2.0', meta: '1' }, 'never');
  const application = serverOf([program('/opt/app/bin/run', 'app')]);
  const profile = applicationProfile([{ path: '/opt/app', plane: 'software' }]);
  const [both] = await store.db.select({ id: hosts.id }).from(hosts).where(eq(hosts.name, 'both'));
  const narrow = await identification.identify(await keepScan(store, both?.id ?? '', application, profile), []);
  expect(sentences(narrow as HostIdentification)).toEqual([
    'meta: 1, which has no files that could say so',
    'shop: 2.0, complete (3 files)',
  ]);
  const fresh = await addHost(store, 'fresh');
  const told = await identification.identify(await keepScan(store, fresh, application, profile), []);
  expect([told?.products, told?.strays.map(({ path }) => path)]).toEqual([[], ['/opt/app/bin/run']]);
});

it('asks package databases for the names that are wanted, also where a host has not all of them', async () => {
  const store = await openStore();
  const told = packagesSection('apt', { shop: '1.0', other: '2', 'shop:i386': '1.1' });
  const inventory = createInventory({ store: inventoryStore(store), clock: systemClock });
  for (const [host, found] of [
    ['web01', { packages: told }],
    ['web02', { packages: 'none' }],
  ] as const) {
    await inventory.record({ hostId: await addHost(store, host), facts: found });
  }
  const found = await registeredAs(store, ['shop', 'shop:i386']);
  const installed = new Map([
    ['shop', '1.0'],
    ['shop:i386', '1.1'],
  ]);
  expect([...found]).toEqual([['web01', { manager: 'apt', installed, architecture: null, truncated: false }]]);
});

it('tells mode and owner apart from content: what its package says of them is a list of its own', async () => {
  const files = [program('/usr/bin/a', 'a'), program('/usr/bin/b', 'b'), listedFile('/usr/share/p/c', 'c')];
  const world = await worldOf([{ name: 'p', versions: [{ version: '1', files }] }]);
  const server = serverOf(files);
  expect((await world.identify(server, { p: '1' })).permissions).toEqual([]);
  const lost = server.get('/usr/bin/a');
  if (lost?.content.kind !== 'file') throw new Error('it is a file');
  server.set('/usr/bin/a', { ...lost, content: { ...lost.content, meta: metaNode(0o600, 'app').id } });
  const found = await world.identify(server, { p: '1' });
  expect(found.permissions).toEqual([
    { path: '/usr/bin/a', product: 'p', expected: '0755 root:root', found: '0600 app:root' },
  ]);
  expect(found.products).toMatchObject([{ state: 'complete', exceptions: [] }]);
});
