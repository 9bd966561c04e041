import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { uploadScan } from '@tidemark/agent/link/upload.ts';
import { openStore, type Store } from '@tidemark/controller/store/store.ts';
import { createVerificationStore } from '@tidemark/controller/store/verification.ts';
import { listChanges } from '@tidemark/shared/fingerprint/diff.ts';
import type { NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import type { Plane } from '@tidemark/shared/fingerprint/profile.ts';
import { sql } from 'drizzle-orm';
import { startCountingProxy } from '../support/counting-proxy.ts';
import { addHost, startFingerprintServer } from '../support/fingerprint-server.ts';
import { ServerImage, writeImage } from './drift-trees.ts';
import { kilobytes, row } from './table.ts';

/*
 * `npm run bench:drift [-- FILES [HOSTS [IMAGES]]]`: what fingerprints cost on the wire, in the database and in time. The
 * trees are made up; from the agent's upload on all of it is the production code, over gRPC, into a private PostgreSQL with
 * the settings that a controller gives it.
 */

const [FILES, HOSTS, IMAGES] = [200_000, 200, 10].map((usual, at) => Number(process.argv[2 + at] ?? usual)) as [
  number,
  number,
  number,
];
const DIFFERENCES = 100;
const COMPARISONS = 20;
/** Files of a freshly made host that its image does not have so: its name, keys, addresses, what its services wrote. */
const OWN_CONFIG = 25;
const OWN_SOFTWARE = 10;

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** Of the private database's processes that are there now. */
function databaseSeconds({ server }: Store): number {
  const TICKS = 100;
  const [PARENT, USER, SYSTEM] = [1, 11, 12];
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  return pids.reduce((sum, pid) => {
    const stat = statOf(pid);
    const isIts = stat?.[PARENT] === String(server?.pid());
    return isIts ? sum + (Number(stat?.[USER]) + Number(stat?.[SYSTEM])) / TICKS : sum;
  }, 0);
}

/** The fields behind the name, which may hold anything; null where it has ended. */
function statOf(pid: string): string[] | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    return null;
  }
}

const base = mkdtempSync(join(tmpdir(), 'tm-bench-drift-'));
chmodSync(base, 0o711);
const store = await openStore({ stateDir: join(base, 'state') });
const verification = createVerificationStore(store);
const server = await startFingerprintServer(verification);
const proxy = await startCountingProxy(server.port);
const clients = new Map<string, ReturnType<typeof server.clientOf>>();

try {
  console.log(`${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}, ${FILES} files a host`);
  const image = new ServerImage(1, FILES);
  console.log(`${image.files} files in ${image.nodes.size} nodes`);
  await committing(image);
  await onTheWire(image);
  await comparing(image);
  await growing();
} finally {
  proxy.stop();
  server.stop();
  await store.close();
  rmSync(base, { recursive: true, force: true });
}

interface Sent {
  bytes: number;
  nodes: number;
  seconds: number;
  ownSeconds: number;
}

/** Sends what is there of an image now as a scan of this host. */
async function send(image: ServerImage, hostId: string): Promise<Sent & { roots: Record<Plane, NodeId> }> {
  const { roots } = image.build();
  const scan = randomUUID();
  const directory = join(base, scan);
  writeImage(directory, scan, { roots, files: image.files, nodes: image.nodes.values() });
  // An agent's connection is there already.
  const client = clients.get(hostId) ?? server.clientOf(hostId, proxy.port);
  clients.set(hostId, client);
  await new Promise<void>((resolve, reject) =>
    client.waitForReady(Date.now() + 10_000, error => (error ? reject(error) : resolve())),
  );
  const before = proxy.bytes();
  const from = performance.now();
  const cpu = cpuSeconds();
  const sent = await uploadScan({ client, directory, scan });
  if (!sent.ok) throw new Error(sent.error.message);
  const seconds = (performance.now() - from) / 1000;
  const ownSeconds = cpuSeconds() - cpu;
  rmSync(directory, { recursive: true });
  return { bytes: proxy.bytes() - before, nodes: sent.value.nodes, seconds, ownSeconds, roots };
}

async function committing(image: ServerImage): Promise<void> {
  const { seconds, ownSeconds, bytes, nodes } = await send(image, await addHost(store, 'first'));
  row(`first scan of ${FILES} files sent and committed`, `${seconds.toFixed(2)} s`, '10 s');
  console.log(
    `  ${nodes} nodes, ${(bytes / 1e6).toFixed(1)} MB on the wire; ${ownSeconds.toFixed(1)} s of processor for agent and controller together, in one process here`,
  );
}

async function onTheWire(image: ServerImage): Promise<void> {
  const hostId = await addHost(store, 'wired');
  await send(image, hostId);
  row('bytes on the wire: nothing changed', kilobytes((await send(image, hostId)).bytes), '1 KB');
  const changed: number[] = [];
  for (let round = 0; round < 20; round++) {
    const undo = image.change('software', 1, `one file, ${round}`);
    changed.push((await send(image, hostId)).bytes);
    undo();
  }
  const inOrder = changed.toSorted((a, b) => a - b);
  row(
    'bytes on the wire: one file changed, the worst of 20',
    `${kilobytes(inOrder.at(-1) ?? 0)}`,
    `32 KB; median ${kilobytes(inOrder[10] ?? 0)}`,
  );
  row(
    'bytes on the wire: a second identical host',
    kilobytes((await send(image, await addHost(store, 'second'))).bytes),
    '256 KB',
  );
}

async function comparing(image: ServerImage): Promise<void> {
  const a = await send(image, await addHost(store, 'a'));
  const undo = image.change('software', DIFFERENCES, 'other');
  const b = await send(image, await addHost(store, 'b'));
  undo();
  const took: number[] = [];
  const [cpu, databaseCpu] = [cpuSeconds(), databaseSeconds(store)];
  let found = 0;
  for (let round = 0; round < COMPARISONS; round++) {
    const from = performance.now();
    found = (await listChanges('software', a.roots.software, b.roots.software, verification.load)).length;
    took.push(performance.now() - from);
  }
  const inOrder = took.toSorted((x, y) => x - y);
  const median = inOrder[COMPARISONS / 2] ?? 0;
  row(
    `compare two trees of ${FILES} files with ${found} differences, median`,
    `${median.toFixed(1)} ms`,
    `50 ms; the first ${took[0]?.toFixed(1)}, the slowest ${inOrder.at(-1)?.toFixed(1)}`,
  );
  const each = (seconds: number) => `${((seconds / COMPARISONS) * 1000).toFixed(1)} ms`;
  console.log(
    `  processor: ${each(cpuSeconds() - cpu)} of the controller, ${each(databaseSeconds(store) - databaseCpu)} of the database`,
  );
}

async function databaseBytes(of: Store): Promise<number> {
  const [size] = await of.db.execute<{ bytes: string }>(sql`
    select sum(pg_total_relation_size(oid)) as bytes from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace`);
  return Number(size?.bytes);
}

async function growing(): Promise<void> {
  await store.db.execute(sql`truncate nodes, unfinished_nodes, fingerprints cascade`);
  const before = await databaseBytes(store);
  const perImage = HOSTS / IMAGES;
  const from = performance.now();
  for (let number = 0; number < IMAGES; number++) {
    const image = new ServerImage(100 + number, FILES);
    for (let host = 0; host < perImage; host++) {
      const name = `host-${number}-${host}`;
      const own = [image.change('config', OWN_CONFIG, name), image.change('software', OWN_SOFTWARE, name)];
      await send(image, await addHost(store, name));
      for (const undo of own) undo();
    }
  }
  const grown = (await databaseBytes(store)) - before;
  row(
    `store growth, ${HOSTS} hosts x ${FILES} files from ${IMAGES} images`,
    `${(grown / 1e6).toFixed(0)} MB`,
    '300 MB with 200 from 10',
  );
  const parts = await store.db.execute<{ name: string; bytes: string }>(sql`
    select relname as name, pg_total_relation_size(oid) as bytes from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace order by bytes desc limit 4`);
  const told = [...parts].map(({ name, bytes }) => `${name} ${(Number(bytes) / 1e6).toFixed(1)} MB`);
  console.log(`  ${told.join(', ')}; ${((performance.now() - from) / 1000).toFixed(0)} s`);
}
