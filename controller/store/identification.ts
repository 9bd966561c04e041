import { zstdDecompressSync } from 'node:zlib';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import { ATTRIBUTES_NOT_READ } from '@tidemark/shared/fingerprint/counting.ts';
import { compileGlob } from '@tidemark/shared/fingerprint/glob.ts';
import { nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { eq, inArray, type SQL, sql } from 'drizzle-orm';
import { decodeFileList } from '../harvest/file-list.ts';
import type { HostTrees, IdentificationStore, SharedTrees } from '../identification/ports.ts';
import { type KnownVersion, type RegisteredPackages, TIERS, type Tier } from '../identification/records.ts';
import type { StoredSummary } from '../identification/walk.ts';
import { hexList, idArray } from './node-ids.ts';
import { contentOwners, fileLists, pathOwners } from './schema.ts';
import type { Db, Store } from './store.ts';

/** Lists of files in one statement: some megabytes. */
const LISTS_AT_ONCE = 200;
/** Most lists fit: one piece of memory each instead of several that are put together. */
const LIST_BYTES = 64 * 1024;
/** A reference to a row that is not there (PostgreSQL, appendix A). */
const FOREIGN_KEY_VIOLATION = '23503';

/** What identification reads, and the answers that it keeps. */
export function createIdentificationStore({ db }: Store): IdentificationStore {
  return {
    load: async ids => {
      const rows = await db.execute<{ id: Buffer; data: Buffer }>(
        sql`select id, data from nodes where id = any(${idArray(ids)})`,
      );
      return new Map([...rows].map(({ id, data }) => [nodeKey(id), data]));
    },

    libraryState: async () => {
      const [row] = await db.execute<{ state: string }>(sql`
        select (select count(*) || ' ' || coalesce(max(id), 0) from product_signatures) || ' ' ||
               (select count(*) || ' ' || coalesce(max(created_at)::text, '') from attestations) as state`);
      return row?.state ?? '';
    },

    knownVersions: async () => {
      const rows = await db.execute<Omit<KnownVersion, 'tier'> & { tiers: Tier[] }>(sql`
        select id, product, nullif(architecture, '') as architecture, version, source, list,
               array(select tier from attestations where signature = product_signatures.id) as tiers
        from product_signatures`);
      return [...rows].map(({ tiers, ...known }) => ({
        ...known,
        tier: TIERS.find(tier => tiers.includes(tier)) ?? 'host',
      }));
    },

    async *lists(ids) {
      for (let at = 0; at < ids.length; at += LISTS_AT_ONCE) {
        // Half as long on the way as in hexadecimal, of which a large library would be gigabytes.
        const rows = await db
          .select({ id: fileLists.id, data: sql<string>`encode(${fileLists.data}, 'base64')` })
          .from(fileLists)
          .where(inArray(fileLists.id, ids.slice(at, at + LISTS_AT_ONCE)));
        for (const { id, data } of rows)
          yield { id, data: zstdDecompressSync(Buffer.from(data, 'base64'), { chunkSize: LIST_BYTES }) };
      }
    },

    filesLike: async of => {
      const isContent = 'sha256' in of;
      const key = (isContent ? Buffer.from(of.sha256, 'hex') : sha256(Buffer.from(of.path, 'latin1'))).readBigInt64BE(
        0,
      );
      const table = isContent ? contentOwners : pathOwners;
      const rows = await db
        .select({ id: fileLists.id, data: fileLists.data })
        .from(fileLists)
        .where(inArray(fileLists.id, db.select({ list: table.list }).from(table).where(eq(table.key, key))));
      return rows.flatMap(({ id: list, data }) =>
        decodeFileList(zstdDecompressSync(data))
          .filter(file => (isContent ? file.sha256 === of.sha256 : file.path === of.path && file.kind !== 'directory'))
          .map(file => ({ list, file })),
      );
    },

    trees: async fingerprint => {
      const host = sql`(select host_id from fingerprints where id::text = ${fingerprint})`;
      return (await treesWhere(db, sql`found.id in (${newestWhole(sql`host_id = ${host}`)})`))[0] ?? null;
    },

    newestTrees: () => sharedTrees(db),

    peerTrees: (names, fingerprint) =>
      treesWhere(
        db,
        sql`found.id in (
          select distinct on (host_id) fingerprints.id from fingerprints join hosts on hosts.id = fingerprints.host_id
          where hosts.name in (select json_array_elements_text(${JSON.stringify(names)}::json))
            and profile_digest = (select profile_digest from fingerprints where id::text = ${fingerprint})
          order by host_id, fingerprints.created_at desc, fingerprints.id desc)`,
      ),

    summaries: async keys => {
      const rows = await db.execute<{ key: Buffer; stamp: string; data: Buffer }>(
        sql`select key, stamp, data from directory_summaries where key = any(${idArray(keys)})`,
      );
      return new Map([...rows].map(({ key, stamp, data }) => [key.toString('hex'), { stamp: Number(stamp), data }]));
    },

    keepSummaries: async summaries => {
      if (summaries.length === 0) return;
      try {
        await keepSummaries(db, summaries);
      } catch (error) {
        // Its nodes were collected between the look and the write: then nobody asks for it again.
        if ((error as { cause?: { code?: string } }).cause?.code !== FOREIGN_KEY_VIOLATION) throw error;
      }
    },
  };
}

/** Profiles that are no audit's, and whether they look where packages lie. */
const LOOKING = sql`(
  select digest, profile->'roots' @> '[{"path": "/usr"}]' or profile->'roots' @> '[{"path": "/"}]' as whole
  from scan_profiles where not profile ? 'nonce')`;

/**
 * The newest fingerprint of each host that is no audit: one that looked where packages lie before any other, since hosts are also
 * scanned for their applications alone.
 */
const newestWhole = (which: SQL): SQL => sql`
  select distinct on (host_id) fingerprints.id from fingerprints
  join ${LOOKING} as looking on looking.digest = fingerprints.profile_digest
  where ${which}
  order by host_id, whole desc, fingerprints.created_at desc, fingerprints.id desc`;

/** Sorted, since two that keep the same would wait for each other. */
async function keepSummaries(db: Db, summaries: readonly StoredSummary[]): Promise<void> {
  const sorted = summaries.toSorted((a, b) => a.key.compare(b.key));
  const hexOf = (id: Buffer | null) => id ?? Buffer.alloc(0);
  await db.execute(sql`
    insert into directory_summaries (key, software, config, stamp, data)
    select decode(key, 'hex'), decode(nullif(software, ''), 'hex'), decode(nullif(config, ''), 'hex'), stamp::bigint, decode(data, 'hex')
    from unnest(string_to_array(${hexList(sorted.map(({ key }) => key))}, ','),
                string_to_array(${hexList(sorted.map(({ software }) => hexOf(software)))}, ','),
                string_to_array(${hexList(sorted.map(({ config }) => hexOf(config)))}, ','),
                string_to_array(${sorted.map(({ stamp }) => stamp).join(',')}, ','),
                string_to_array(${hexList(sorted.map(({ data }) => data))}, ',')) as given (key, software, config, stamp, data)
    where (software = '' or exists (select from nodes where id = decode(software, 'hex')))
      and (config = '' or exists (select from nodes where id = decode(config, 'hex')))
    on conflict (key) do update set stamp = excluded.stamp, data = excluded.data`);
}

async function treesWhere(db: Db, condition: SQL): Promise<HostTrees[]> {
  const rows = await db.execute<{
    id: string;
    host: string;
    software: Buffer;
    config: Buffer;
    finished: string;
    attributesRead: boolean;
    digest: string;
  }>(sql`
    select found.id,
           not exists (
             select from jsonb_array_elements_text(found.coverage->'limits') as each (said)
             where starts_with(said, ${ATTRIBUTES_NOT_READ})) as "attributesRead", hosts.name as host, software_root as software, config_root as config, profile_digest as digest,
           (extract(epoch from finished_at) * 1000)::bigint as finished
    from fingerprints as found join hosts on hosts.id = found.host_id
    where ${condition} order by hosts.name`);
  const looked = await profilesOf(
    db,
    [...rows].map(({ digest }) => digest),
  );
  return [...rows].flatMap(({ id, finished, digest, ...row }) => {
    const profile = looked.get(digest);
    return profile ? [{ ...row, fingerprint: id, scannedAt: Number(finished), ...profile }] : [];
  });
}

/** A fleet has fewer different trees than hosts, and of those that share them only names and times are fetched. */
async function sharedTrees(db: Db): Promise<SharedTrees[]> {
  const rows = await db.execute<{ software: Buffer; config: Buffer; digest: string; hosts: [string, number][] }>(sql`
    with looking as materialized ${LOOKING},
    newest as (
      select distinct on (host_id) host_id, software_root, config_root, profile_digest, finished_at
      from fingerprints join looking on looking.digest = profile_digest
      order by host_id, whole desc, created_at desc, id desc)
    select software_root as software, config_root as config, profile_digest as digest,
           json_agg(json_build_array(hosts.name, (extract(epoch from finished_at) * 1000)::bigint)) as hosts
    from newest join hosts on hosts.id = host_id
    group by software_root, config_root, profile_digest`);
  const looked = await profilesOf(
    db,
    [...rows].map(({ digest }) => digest),
  );
  return [...rows].flatMap(({ software, config, digest, hosts }) => {
    const profile = looked.get(digest);
    const named = hosts.map(([host, scannedAt]) => ({ host, scannedAt }));
    return profile ? [{ software, config, ...profile, hosts: named }] : [];
  });
}

/** Where profiles look, by their digest. */
async function profilesOf(
  db: Db,
  digests: readonly string[],
): Promise<Map<string, Pick<HostTrees, 'roots' | 'ignored'>>> {
  const profiles = new Map<string, Pick<HostTrees, 'roots' | 'ignored'>>();
  for (const digest of new Set(digests)) {
    const [row] = await db.execute<{ profile: unknown }>(
      sql`select profile from scan_profiles where digest = ${digest}`,
    );
    const { roots, ignore } = ScanProfile.parse(row?.profile);
    const globs = ignore.map(compileGlob);
    profiles.set(digest, {
      roots: roots.map(({ path }) => path),
      ignored: path => globs.some(matches => matches(path)),
    });
  }
  return profiles;
}

/**
 * What package databases say of these names, by host. Each list of packages is unpacked once, however many hosts have it:
 * it has hundreds of them.
 */
export async function registeredAs(
  { db }: Pick<Store, 'db'>,
  names: readonly string[],
): Promise<Map<string, RegisteredPackages>> {
  const rows = await db.execute<{
    hosts: string[];
    manager: string;
    arch: string | null;
    truncated: boolean;
    installed: Record<string, string>;
  }>(sql`
    with told as (
      select s.digest, s.content->>'manager' as manager, (s.content->>'truncated')::boolean as truncated,
             coalesce((
               select jsonb_object_agg(key, version) from (
                 select version, case when architecture in (s.content->>'architecture', 'all', 'noarch', 'any', '')
                                      then name else name || ':' || architecture end as key
                 from jsonb_to_recordset(s.content->'installed') as p (name text, version text, architecture text)
               ) as each where key in (select json_array_elements_text(${JSON.stringify(names)}::json))
             ), '{}') as installed
      from sections s
      where s.kind = 'packages' and exists (select from host_sections h where h.digest = s.digest and h.until is null)
    )
    select json_agg(hosts.name) as hosts, manager, os.content->>'arch' as arch, truncated, installed
    from told
    join host_sections own on own.digest = told.digest and own.until is null
    join hosts on hosts.id = own.host_id
    left join host_sections of_os on of_os.host_id = own.host_id and of_os.kind = 'os' and of_os.until is null
    left join sections os on os.digest = of_os.digest
    group by manager, arch, truncated, installed`);
  return new Map(
    [...rows].flatMap(({ hosts, manager, arch, truncated, installed }) => {
      const registered = { manager, installed: new Map(Object.entries(installed)), architecture: arch, truncated };
      return hosts.map(host => [host, registered] as const);
    }),
  );
}
