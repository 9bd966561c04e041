import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { encodeFileList } from '@tidemark/controller/harvest/file-list.ts';
import type { RegisteredPackages } from '@tidemark/controller/identification/records.ts';
import { createIdentification, type HostIdentification } from '@tidemark/controller/identification/service.ts';
import { createIdentificationStore, registeredAs } from '@tidemark/controller/store/identification.ts';
import { attestations, fileLists, hosts, productSignatures } from '@tidemark/controller/store/schema.ts';
import { openStore, type Store } from '@tidemark/controller/store/store.ts';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import { packagesSection } from '@tidemark/shared/testing/packages.ts';
import { buildInMemory } from '@tidemark/shared/testing/trees.ts';
import { injectedCase, install, keepTrees, type Server } from '../support/injected-patches.ts';
import { keepFacts } from '../support/keep-facts.ts';
import { type KnownProduct, learn, makeProduct } from '../support/known-products.ts';
import { seeded } from '../support/mutated-trees.ts';

/*
 * Which versions are on a host, at full size: against a private PostgreSQL with the settings of a controller. Lists are put into
 * the library without the index that `tidemark owner` asks, which identification does not read. On a machine that others load, the
 * goal is for processor time, of this process and of the database together.
 */

const PRODUCTS = 417;
const VERSIONS = 12;
const FILES = 480;
const IMAGES = 50;
const HOSTS = 10_000;
/** Of an image: a tenth of a large server, so that fifty of them are built within minutes. */
const IMAGE_PRODUCTS = 80;
const INJECTED = 500;

interface Measured<T> {
  value: T;
  seconds: number;
  /** Processor seconds of this process, and of the database's. */
  own: number;
  database: number;
}

/** proc(5), in hundredths of a second: user and system time of the server, of its sessions, and of those that have ended. */
function databaseSeconds(pid: number): number {
  const sessions = execFileSync('ps', ['-o', 'pid=', '--ppid', `${pid}`], { encoding: 'utf8' })
    .split('\n')
    .filter(Boolean);
  let ticks = 0;
  for (const each of [`${pid}`, ...sessions.map(text => text.trim())]) {
    try {
      const fields = readFileSync(`/proc/${each}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      const [user, system, ofEndedUser, ofEndedSystem] = fields.slice(11, 15).map(Number);
      ticks += (user ?? 0) + (system ?? 0) + (each === `${pid}` ? (ofEndedUser ?? 0) + (ofEndedSystem ?? 0) : 0);
    } catch {
      // It has ended, and counts as that from now on.
    }
  }
  return ticks / 100;
}

let database = 0;

async function measured<T>(work: () => Promise<T>): Promise<Measured<T>> {
  const [cpu, ofDatabase, at] = [process.cpuUsage(), databaseSeconds(database), performance.now()];
  const value = await work();
  const seconds = (performance.now() - at) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { value, seconds, own: (user + system) / 1e6, database: databaseSeconds(database) - ofDatabase };
}

async function least<T>(rounds: number, work: () => Promise<T>): Promise<Measured<T>> {
  let best = await measured(work);
  for (let round = 1; round < rounds; round++) {
    const next = await measured(work);
    if (next.own + next.database < best.own + best.database) best = next;
  }
  return best;
}

const print = (what: string, { seconds, own, database: ofDatabase }: Measured<unknown>, goal: string) =>
  console.log(
    `${what.padEnd(74)} ${seconds.toFixed(2).padStart(7)} s ${own.toFixed(2).padStart(7)} s ${ofDatabase.toFixed(2).padStart(7)} s  ${goal}`,
  );

/** Which version of a product an image has: every seventh is another one than on other images. */
const wantedAt = (product: number, image: number): number =>
  (product + (product % 7 === image % 7 ? image : 0)) % VERSIONS;

/** Measures and prints; a private PostgreSQL comes and goes with it. */
export async function benchIdentification(): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), 'tm-bench-identification-'));
  chmodSync(base, 0o711);
  const store = await openStore({ stateDir: join(base, 'state') });
  database = store.server?.pid() ?? 0;
  try {
    await identifying(store);
    await injecting(store);
  } finally {
    await store.close();
    rmSync(base, { recursive: true, force: true });
  }
}

async function identifying(store: Store): Promise<void> {
  const random = seeded(6);
  const products: KnownProduct[] = [];
  const library = await measured(async () => {
    for (let at = 0; at < PRODUCTS; at++) {
      const product = makeProduct(`pkg${at}`, { files: FILES, versions: VERSIONS, random });
      await learnFast(store, product);
      // The versions that servers here have: what is learned is no part of what is measured.
      const kept =
        at < IMAGE_PRODUCTS
          ? product.versions
          : product.versions.map((each, of) => (of === wantedAt(at, 1) ? each : { ...each, files: [] }));
      products.push({ name: product.name, versions: kept });
    }
  });
  console.log(
    `\nidentification: ${PRODUCTS * VERSIONS} product versions of some ${FILES} files, put into the library in ${library.seconds.toFixed(0)} s`,
  );
  console.log(`${''.padEnd(74)}    clock    process  database  goal (processor)`);
  const versionsOf = (image: number, count: number) =>
    new Map(products.slice(0, count).map(({ name }, at) => [name, wantedAt(at, image)]));
  const serverOf = (versions: ReadonlyMap<string, number>): Server => {
    const server: Server = new Map();
    for (const product of products) install(server, product.versions[versions.get(product.name) ?? -1]?.files ?? []);
    return server;
  };
  const told = new Map<string, RegisteredPackages>();
  const fresh = () =>
    createIdentification({
      store: createIdentificationStore(store),
      facts: {
        registered: async host => told.get(host) ?? null,
        registeredAs: names => registeredAs(store, names),
        running: async () => null,
      },
      peersOf: async () => [],
    });
  const registered = (versions: ReadonlyMap<string, number>): RegisteredPackages => ({
    manager: 'apt',
    installed: new Map([...versions].map(([name, at]) => [name, `1.${at}-1`])),
    architecture: 'x64',
    truncated: false,
  });
  const wanted = versionsOf(1, PRODUCTS);
  const server = serverOf(wanted);
  const [hostId] = await addHosts(store, ['large']);
  const { roots, nodes } = buildInMemory(server.values());
  const fingerprint = await keepTrees(store, hostId ?? '', { roots, nodes: [...nodes.values()] });
  told.set('large', registered(wanted));
  await store.sql`vacuum analyze nodes`;
  const check = (found: HostIdentification | null) => {
    const wrong = found?.products.filter(({ product, state, versions }) => {
      const expected = `1.${wanted.get(product)}-1`;
      return state !== 'complete' || versions.length !== 1 || versions[0]?.version !== expected;
    });
    if (found?.products.length !== PRODUCTS || wrong?.length !== 0)
      throw new Error(
        `wrong: ${found?.products.length} products, ${wrong
          ?.map(({ product, sentence }) => `${product}: ${sentence}`)
          .slice(0, 5)
          .join('; ')}`,
      );
    return found;
  };
  const identification = fresh();
  const identify = async (by = identification) => check(await by.identify(fingerprint, []));
  const memory = process.memoryUsage().rss;
  const first = await measured(() => identify());
  const grown = (process.memoryUsage().rss - memory) / 2 ** 20;
  print(`one host of ${server.size} files, the first after a start: nothing in memory or kept`, first, '');
  const cold = await least(3, async () => {
    await store.sql`truncate directory_summaries`;
    return identify();
  });
  print('the same cold: the library in memory, nothing kept of any directory', cold, 'cold 3 s');
  print('the same warm', await least(5, () => identify()), 'warm 0.2 s');
  const changed = new Map(wanted).set('pkg3', ((wanted.get('pkg3') ?? 0) + 1) % VERSIONS);
  const other = buildInMemory(serverOf(changed).values());
  const [otherId] = await addHosts(store, ['other']);
  const otherFingerprint = await keepTrees(store, otherId ?? '', {
    roots: other.roots,
    nodes: [...other.nodes].flatMap(([key, node]) => (nodes.has(key) ? [] : [node])),
  });
  told.set('other', registered(changed));
  print(
    'a host with another version of one product',
    await measured(() => identification.identify(otherFingerprint, [])),
    '',
  );
  const [row] = await store.sql`
    select count(*) || ' rows, ' || pg_size_pretty(pg_total_relation_size('directory_summaries')) as kept from directory_summaries`;
  console.log(
    `the library adds ${grown.toFixed(0)} MiB to the process with what the first answer took; kept of two hosts: ${row?.['kept']}`,
  );
  await matrix(store, fresh(), versionsOf, serverOf);
}

async function matrix(
  store: Store,
  identification: ReturnType<typeof createIdentification>,
  versionsOf: (image: number, count: number) => Map<string, number>,
  serverOf: (versions: ReadonlyMap<string, number>) => Server,
): Promise<void> {
  const known = new Set<string>();
  for (let image = 0; image < IMAGES; image++) {
    const versions = versionsOf(image, IMAGE_PRODUCTS);
    const { roots, nodes } = buildInMemory(serverOf(versions).values());
    const [id = ''] = await addHosts(store, [`image${image}`]);
    const added = [...nodes].flatMap(([key, node]) => (known.has(key) ? [] : [node]));
    for (const key of nodes.keys()) known.add(key);
    await keepTrees(store, id, { roots, nodes: added });
    const installed = Object.fromEntries([...versions].map(([name, at]) => [name, `1.${at}-1`]));
    // As many packages as a server has.
    for (let other = 0; other < 400; other++) installed[`other-package-${other}`] = `1:2.${other}-1+deb12u${other % 7}`;
    await keepFacts(store, id, { packages: packagesSection('apt', installed) }, Date.now());
  }
  await store.sql`
    with images as (select name, hosts.id, row_number() over (order by name) - 1 as number from hosts where name like 'image%'),
    made as (
      insert into hosts (id, name) select gen_random_uuid(), 'host' || n from generate_series(${IMAGES}::int + 1, ${HOSTS}) n returning id, name
    ), of as (
      select made.id, images.id as image from made join images on images.number = substring(made.name from 5)::int % ${IMAGES}
    ), trees as (
      insert into fingerprints (id, host_id, scan, profile_digest, software_root, config_root, coverage, started_at, finished_at)
      select gen_random_uuid(), of.id, of.id::text, profile_digest, software_root, config_root, coverage, started_at, finished_at
      from of join fingerprints on fingerprints.host_id = of.image returning id
    )
    insert into host_sections (host_id, kind, digest, since)
    select of.id, kind, digest, since from of join host_sections on host_sections.host_id = of.image`;
  await store.sql`vacuum analyze host_sections, sections, fingerprints, hosts, nodes`;
  const look = async () => {
    const { hosts: all } = await identification.versions('pkg5');
    const found = all.filter(({ host }) => host.startsWith('host') || host.startsWith('image'));
    const wrong = found.filter(
      ({ state, versions, registered }) => state !== 'complete' || versions.join() !== registered,
    );
    if (found.length < HOSTS || wrong.length > 0)
      throw new Error(`wrong: ${found.length} hosts, ${JSON.stringify(wrong[0])}`);
    return found;
  };
  await look();
  print(`versions of a product on ${HOSTS} hosts of ${IMAGES} images, warm`, await least(5, look), 'warm 1 s');
}

async function injecting(store: Store): Promise<void> {
  await store.sql`truncate product_signatures, file_lists, directory_summaries cascade`;
  const random = seeded(20261130);
  const products = Array.from({ length: 12 }, (_, at) =>
    makeProduct(`svc${at}`, { files: 20 + random(40), versions: 3 + random(3), random }),
  );
  await learn(store, products);
  let told: RegisteredPackages | null = null;
  const identification = createIdentification({
    store: createIdentificationStore(store),
    facts: { registered: async () => told, registeredAs: async () => new Map(), running: async () => null },
    peersOf: async () => [],
  });
  let files = 0;
  const bad: string[] = [];
  const spent = await measured(async () => {
    for (let number = 0; number < INJECTED; number++) {
      const { label, expected, wrong } = await injectedCase(number, {
        store,
        products,
        identify: (fingerprint, registered) => {
          told = registered;
          return identification.identify(fingerprint, []);
        },
      });
      files += expected.length;
      if (wrong.length > 0) bad.push(`${label}: ${wrong.join('; ')}`);
    }
  });
  print(
    `${INJECTED} partial patches, ${files} files: ${bad.length === 0 ? 'every file named, no other' : `${bad.length} WRONG`}`,
    spent,
    'none wrong',
  );
  for (const each of bad) console.log(`  ${each}`);
  if (bad.length > 0) process.exitCode = 1;
}

async function addHosts(store: Store, names: readonly string[]): Promise<string[]> {
  const rows = names.map(name => ({ id: randomUUID(), name }));
  await store.db.insert(hosts).values(rows);
  return rows.map(({ id }) => id);
}

export async function learnFast(store: Store, { name: product, versions }: KnownProduct): Promise<void> {
  await store.transaction(async tx => {
    for (const { version, files } of versions) {
      const list = encodeFileList(files);
      const [kept] = await tx
        .insert(fileLists)
        .values({ digest: sha256(list), files: files.length, installedBytes: 1, data: zstdCompressSync(list) })
        .returning({ id: fileLists.id });
      const row = {
        product,
        version,
        architecture: 'amd64',
        source: 'deb' as const,
        packageDigest: `${product} ${version}`,
      };
      const [signature] = await tx
        .insert(productSignatures)
        .values({ ...row, packageBytes: 1, list: kept?.id ?? 0, importedBy: 'bench' })
        .returning({ id: productSignatures.id });
      await tx
        .insert(attestations)
        .values({ signature: signature?.id ?? 0, tier: 'repository', by: 'bench', via: '', evidence: '' });
    }
  });
}
