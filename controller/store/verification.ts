import { randomUUID } from 'node:crypto';
import type { Json } from '@tidemark/shared/base/canonical-json.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { Coverage } from '@tidemark/shared/fingerprint/coverage.ts';
import type { NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import { type EncodedNode, MAX_HEAD_BYTES, nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { isAudit, ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { and, desc, eq, inArray, type SQL, sql } from 'drizzle-orm';
import type { CommittedNodes, UploadStore, VerificationStore } from '../verification/ports.ts';
import type { Fingerprint, NewFingerprint, Observation, Release, ReleaseFile } from '../verification/records.ts';
import { coverageDigest } from '../verification/upload.ts';
import * as audit from './audit.ts';
import { holdOffCollection } from './node-garbage.ts';
import { hexList, idArray } from './node-ids.ts';
import * as outbox from './outbox.ts';
import { fingerprints, hosts, observations, scanProfiles, signatureFiles, signatures } from './schema.ts';
import type { Store, Tx } from './store.ts';

/** Ids in one statement when the nodes of a committed tree are marked as finished. */
const FINISH_BATCH = 10_000;

/** The verification's side of the database. */
export function createVerificationStore({ db, transaction }: Store): VerificationStore & UploadStore {
  return {
    load: async ids => {
      const rows = await db.execute<{ id: Buffer; data: Buffer }>(
        sql`select id, data from nodes where id = any(${idArray(ids)})`,
      );
      return new Map([...rows].map(({ id, data }) => [nodeKey(id), data]));
    },

    known: async ids => {
      await keepUnfinished(db, ids);
      const rows = await db.execute<{ id: Buffer; head: Buffer; unfinished: Buffer | null }>(sql`
        select nodes.id, substring(nodes.data from 1 for ${MAX_HEAD_BYTES}::int) as head,
               case when unfinished_nodes.id is not null then nodes.data end as unfinished
        from nodes left join unfinished_nodes using (id) where nodes.id = any(${idArray(ids)})`);
      return new Map([...rows].map(({ id, head, unfinished }) => [nodeKey(id), { head, unfinished }]));
    },

    addNodes: async nodes => {
      await addNodes(db, nodes);
    },

    knownTexts: async (hostId, { profileDigest, coverageDigest: wanted }) => {
      const [known] = await db.select().from(scanProfiles).where(eq(scanProfiles.digest, profileDigest));
      const [newest] = await db
        .select({ coverage: fingerprints.coverage })
        .from(fingerprints)
        .where(and(eq(fingerprints.hostId, hostId), eq(fingerprints.profileDigest, profileDigest)))
        .orderBy(desc(fingerprints.createdAt), desc(fingerprints.id))
        .limit(1);
      const coverage = newest ? Coverage.parse(newest.coverage) : null;
      return {
        profile: known ? ScanProfile.parse(known.profile) : null,
        coverage: coverage && coverageDigest(coverage) === wanted ? coverage : null,
      };
    },

    commit: async (fingerprint, nodes) => {
      try {
        return await transaction(tx => commit(tx, fingerprint, nodes));
      } catch (error) {
        if (error instanceof NodesGone) return 'gone';
        throw error;
      }
    },

    hostNamed: async name => {
      const [host] = await db.select({ hostId: hosts.id, name: hosts.name }).from(hosts).where(eq(hosts.name, name));
      return host ?? null;
    },

    fingerprints: async (hostId, limit) => {
      const rows = await selectFingerprints(db)
        .where(eq(fingerprints.hostId, hostId))
        .orderBy(desc(fingerprints.createdAt), desc(fingerprints.id))
        .limit(limit);
      return rows.map(fingerprintOf);
    },

    fingerprint: async id => {
      const [row] = await selectFingerprints(db).where(eq(fingerprints.id, id));
      return row ? fingerprintOf(row) : null;
    },

    releases: async products => {
      if (products.length === 0) return [];
      const known = await db
        .select({ id: signatures.id, product: signatures.product, version: signatures.version })
        .from(signatures)
        .where(inArray(signatures.product, [...new Set(products)]))
        .orderBy(signatures.product, signatures.version);
      if (known.length === 0) return [];
      const releases = new Map<string, Release & { files: Map<string, ReleaseFile> }>();
      for (const { id, product, version } of known) releases.set(id, { product, version, files: new Map() });
      const rows = await db
        .select()
        .from(signatureFiles)
        .where(inArray(signatureFiles.signature, [...releases.keys()]));
      for (const { signature, path, kind, digest, size, executable } of rows) {
        releases.get(signature)?.files.set(path.toString('latin1'), { kind, digest, size, executable });
      }
      return [...releases.values()];
    },

    askForScan: ({ id, hostId, host, profile, envelope, by, schedule, run }) =>
      transaction(async tx => {
        const [row] = await tx.insert(observations).values({ id, hostId, kind: 'scan', schedule, run }).returning();
        await outbox.add(tx, {
          hostId,
          kind: 'observe-scan',
          payload: { request: id, profile: profile as Json, envelope },
        });
        // What runs belongs to what is on the disk.
        if (!isAudit(profile)) await outbox.add(tx, { hostId, kind: 'observe-facts', payload: { request: '' } });
        await audit.append(tx, {
          actor: by,
          action: 'scan.asked',
          subject: `host ${host}`,
          detail: { request: id, profile: profile.name, profileVersion: profile.version },
        });
        if (!row) throw new Error(`the observation ${id} was not stored`);
        return observationOf(row, host);
      }),

    observation: async id => {
      const [row] = await db
        .select({ observation: observations, host: hosts.name })
        .from(observations)
        .innerJoin(hosts, eq(hosts.id, observations.hostId))
        .where(eq(observations.id, id));
      return row ? observationOf(row.observation, row.host) : null;
    },

    scanNamed: (request, hostId, scan) =>
      transaction(async tx => {
        await updateAsked(tx, request, hostId, sql`scan = ${scan}`);
        await answerObservations(tx, hostId, scan);
      }),

    scanFailed: (request, hostId, message) =>
      transaction(tx =>
        updateAsked(tx, request, hostId, sql`state = 'failed', message = ${message}, ended_at = now()`),
      ),
  };
}

/** Sorted, since two hosts that send the same nodes in another order would wait for each other. */
async function addNodes(db: Store['db'], nodes: readonly EncodedNode[]): Promise<void> {
  if (nodes.length === 0) return;
  const sorted = nodes.toSorted((a, b) => a.id.compare(b.id));
  await db.execute(sql`
    with added as (
      insert into nodes (id, data)
      select decode(id, 'hex'), decode(data, 'hex')
      from unnest(string_to_array(${hexList(sorted.map(({ id }) => id))}, ','),
                  string_to_array(${hexList(sorted.map(({ data }) => data))}, ',')) as node (id, data)
      on conflict do nothing returning id
    )
    insert into unfinished_nodes (id) select id from added`);
}

/**
 * What an upload has seen stays until it is committed: the sweep takes what nobody has looked at for longer. Written
 * again only when it is old, since every look-up of every upload comes here.
 */
const keepUnfinished = (db: Store['db'], ids: readonly NodeId[]) =>
  db.execute(sql`
    update unfinished_nodes set created_at = now()
    where id = any(${idArray(ids)}) and created_at < now() - interval '1 hour'`);

/** Undoes a commit that builds on nodes which were collected meanwhile. */
class NodesGone extends Error {}

async function commit(tx: Tx, fingerprint: NewFingerprint, { finished, reliedOn }: CommittedNodes) {
  const { hostId, scan } = fingerprint;
  await holdOffCollection(tx);
  await tx
    .insert(scanProfiles)
    .values({ digest: fingerprint.profileDigest, profile: fingerprint.profile })
    .onConflictDoNothing();
  const added = await tx
    .insert(fingerprints)
    .values({
      id: randomUUID(),
      hostId,
      scan,
      profileDigest: fingerprint.profileDigest,
      softwareRoot: fingerprint.softwareRoot,
      configRoot: fingerprint.configRoot,
      coverage: fingerprint.coverage,
      startedAt: new Date(fingerprint.startedMs),
      finishedAt: new Date(fingerprint.finishedMs),
    })
    .onConflictDoNothing()
    .returning({ id: fingerprints.id });
  if (added.length === 0) {
    const [known] = await tx
      .select()
      .from(fingerprints)
      .where(and(eq(fingerprints.hostId, hostId), eq(fingerprints.scan, scan)));
    const isSame =
      known?.softwareRoot.equals(fingerprint.softwareRoot) &&
      known.configRoot.equals(fingerprint.configRoot) &&
      known.profileDigest === fingerprint.profileDigest;
    if (!isSame) return 'taken';
  }
  for (let at = 0; at < reliedOn.length; at += FINISH_BATCH) {
    await mustBeWhole(tx, reliedOn.slice(at, at + FINISH_BATCH));
  }
  const sorted = finished.toSorted((a, b) => a.compare(b));
  for (let at = 0; at < sorted.length; at += FINISH_BATCH) {
    const batch = sorted.slice(at, at + FINISH_BATCH);
    const ids = idArray(batch);
    await mustBeThere(tx, batch);
    // Locked in one order, as above.
    await tx.execute(sql`
      delete from unfinished_nodes where id in
        (select id from unfinished_nodes where id = any(${ids}) order by id for update)`);
  }
  await answerObservations(tx, hostId, scan);
  return added.length > 0 ? 'committed' : 'already-known';
}

async function mustBeThere(tx: Tx, ids: readonly NodeId[]): Promise<void> {
  const [found] = await tx.execute<{ count: number }>(
    sql`select count(*)::int as count from nodes where id = any(${idArray(ids)})`,
  );
  if (found?.count !== ids.length) throw new NodesGone();
}

/** There, and part of a committed tree. */
async function mustBeWhole(tx: Tx, ids: readonly NodeId[]): Promise<void> {
  const [found] = await tx.execute<{ count: number }>(sql`
    select count(*)::int as count from nodes left join unfinished_nodes using (id)
    where nodes.id = any(${idArray(ids)}) and unfinished_nodes.id is null`);
  if (found?.count !== ids.length) throw new NodesGone();
}

/** Whichever comes last, the name of the scan or its tree, answers who asked. */
export async function answerObservations(tx: Tx, hostId: string, scan: string): Promise<void> {
  await tx.execute(sql`
    update observations set state = 'done', fingerprint = found.id, ended_at = now()
    from fingerprints as found
    where observations.host_id = ${hostId} and observations.scan = ${scan} and observations.state = 'asked'
      and found.host_id = observations.host_id and found.scan = observations.scan`);
}

/** A request that this host was not asked, or that is answered already, is left as it is. */
async function updateAsked(tx: Tx, request: string, hostId: string, values: SQL): Promise<void> {
  await tx.execute(sql`
    update observations set ${values}
    where id::text = ${request} and host_id = ${hostId} and kind = 'scan' and state = 'asked'`);
}

const selectFingerprints = (db: Store['db']) =>
  db
    .select({ row: fingerprints, profile: scanProfiles.profile })
    .from(fingerprints)
    .innerJoin(scanProfiles, eq(scanProfiles.digest, fingerprints.profileDigest));

function fingerprintOf({ row, profile }: { row: typeof fingerprints.$inferSelect; profile: unknown }): Fingerprint {
  return {
    id: row.id,
    hostId: row.hostId,
    scan: row.scan,
    profile: ScanProfile.parse(profile),
    profileDigest: row.profileDigest as Digest,
    softwareRoot: row.softwareRoot,
    configRoot: row.configRoot,
    coverage: Coverage.parse(row.coverage),
    startedMs: row.startedAt.getTime(),
    finishedMs: row.finishedAt.getTime(),
  };
}

function observationOf(row: typeof observations.$inferSelect, host: string): Observation {
  return {
    id: row.id,
    host,
    state: row.state,
    message: row.message,
    fingerprint: row.fingerprint,
    askedAt: row.createdAt.getTime(),
    endedAt: row.endedAt?.getTime() ?? null,
  };
}
