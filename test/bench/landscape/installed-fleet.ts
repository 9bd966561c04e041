import { hash, randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createQueries } from '@tidemark/controller/queries/service.ts';
import { agentsByName } from '@tidemark/controller/store/planner.ts';
import { contentStore, lastLooks, queryStore } from '@tidemark/controller/store/queries.ts';
import { openStore, type Store } from '@tidemark/controller/store/store.ts';
import { queryHosts } from '@tidemark/controller/wiring/query-hosts.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { sql } from 'drizzle-orm';

/*
 * A fleet with packages for the benches: no two hosts have the same list. What is in the database is what is there once each list
 * has been read for the first time (controller/store/package-sets.ts); the sections themselves, 120 KB each, are left empty.
 */

export const HOSTS = 10_000;
const PACKAGES_EACH = 600;
const NAMES = 800;
const VERSIONS = 12;
const ROWS_AT_ONCE = 1_000;

/** Work over a private PostgreSQL with the settings that a controller gives it. */
export async function withStore(work: (store: Store) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'tm-bench-fleet-'));
  chmodSync(directory, 0o711);
  const store = await openStore({ stateDir: join(directory, 'state') });
  try {
    await work(store);
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

export const queriesOver = (store: Store) =>
  createQueries({
    store: queryStore(store),
    contents: contentStore(store),
    sources: queryHosts({
      landscape: async () => null,
      landscapeVersion: async () => 0,
      agents: () => agentsByName(store),
      observed: () => lastLooks(store),
    }),
    clock: systemClock,
    maxAgeMs: 86_400_000,
  });

const packageOf = (number: number) => {
  const [name, version] = [Math.floor(number / VERSIONS), number % VERSIONS];
  return {
    ...{ name: `pkg-${name}`, version: `1.${version}-1`, architecture: 'amd64', source: `src-${name >> 1}` },
    ...{ sourceVersion: `1.${version}-1`, origin: 'Debian', held: false, state: 'installed' },
  };
};

/** Begins with another name on each host, and takes another version of each. */
function listOf(host: number): Uint32Array {
  const numbers = Array.from({ length: PACKAGES_EACH }, (_, index) => {
    const name = (host + index) % NAMES;
    return name * VERSIONS + ((host * 7 + index * host) % VERSIONS);
  });
  return Uint32Array.from(numbers).sort();
}

export async function seed({ db }: Store): Promise<void> {
  const items = Array.from({ length: NAMES * VERSIONS }, (_, number) => ({ number, item: packageOf(number) }));
  await insert(
    db,
    items,
    rows =>
      sql`insert into package_items (number, digest, item) select number, sha256(item::text::bytea), item
      from jsonb_to_recordset(${rows}::text::jsonb) as given(number int, item jsonb)`,
  );
  const os = {
    ...{ platform: 'linux', id: 'debian', like: [], distro: 'Debian', release: '12' },
    codename: 'bookworm',
    arch: 'x64',
  };
  const systems = ['12.7', '12.8', '12.9'].map(version => ({
    digest: hash('sha256', version, 'hex'),
    content: { ...os, version },
  }));
  await insert(
    db,
    systems,
    rows =>
      sql`insert into sections (digest, kind, content) select decode(digest, 'hex'), 'os', content
      from jsonb_to_recordset(${rows}::text::jsonb) as given(digest text, content jsonb)`,
  );
  const hosts = Array.from({ length: HOSTS }, (_, host) => ({
    id: randomUUID(),
    name: `h${String(host).padStart(5, '0')}`,
    packages: hash('sha256', `packages ${host}`, 'hex'),
    os: systems[host % systems.length]?.digest,
    numbers: Buffer.from(listOf(host).buffer).toString('hex'),
  }));
  await insert(
    db,
    hosts,
    rows =>
      sql`with given as (select * from jsonb_to_recordset(${rows}::text::jsonb) as g(id uuid, name text, packages text, os text, numbers text)),
      one as (insert into hosts (id, name) select id, name from given returning id),
      two as (insert into sections (digest, kind, content) select decode(packages, 'hex'), 'packages', '{"installed": []}' from given returning digest),
      three as (insert into inventories (host_id, root, observed_at, changed_at, refused)
        select given.id, ''::bytea, now(), now(), '[]' from given join one using (id) returning host_id),
      four as (insert into package_sets (digest, numbers) select decode(packages, 'hex'), decode(numbers, 'hex') from given returning digest)
      insert into host_sections (host_id, kind, digest, since)
        select id, 'packages', decode(packages, 'hex'), now() from given
        union all select id, 'os', decode(os, 'hex'), now() from given`,
  );
  await db.execute(sql`analyze`);
}

async function insert<T>(
  db: Store['db'],
  all: readonly T[],
  statement: (rows: string) => ReturnType<typeof sql>,
): Promise<void> {
  for (let at = 0; at < all.length; at += ROWS_AT_ONCE)
    await db.execute(statement(JSON.stringify(all.slice(at, at + ROWS_AT_ONCE))));
}

/** Seconds on the clock and of this process's processor. */
export async function measured<T>(work: () => Promise<T>): Promise<{ value: T; clock: number; processor: number }> {
  const [from, before] = [performance.now(), process.cpuUsage()];
  const value = await work();
  const { user, system } = process.cpuUsage(before);
  return { value, clock: (performance.now() - from) / 1000, processor: (user + system) / 1e6 };
}
