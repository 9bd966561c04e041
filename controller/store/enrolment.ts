import { and, asc, eq, gt, isNull } from 'drizzle-orm';
import type {
  CertificateRecord,
  EnrolmentStore,
  EnrolmentTransaction,
  HostRecord,
  TokenUse,
} from '../enrolment/ports.ts';
import { append } from './audit.ts';
import { certificates, enrolmentTokens, hosts } from './schema.ts';
import type { Store, Tx } from './store.ts';

/** Enrolment's records in the database. */
export function enrolmentStore(store: Store): EnrolmentStore {
  return {
    transaction: work => store.transaction(tx => work(enrolmentTransaction(tx))),
    certificate: async serial => {
      const [row] = await store.db
        .select()
        .from(certificates)
        .innerJoin(hosts, eq(hosts.id, certificates.hostId))
        .where(eq(certificates.serial, serial));
      if (row === undefined) return null;
      return {
        serial,
        keyHash: row.certificates.publicKeyHash,
        revoked: row.certificates.revokedAt !== null,
        host: { hostId: row.hosts.id, name: row.hosts.name, state: row.hosts.state },
      } satisfies CertificateRecord;
    },
    hosts: async () => (await store.db.select().from(hosts).orderBy(asc(hosts.name))).map(hostRecord),
    seen: async ({ hostId, atMs, connected, hello }) => {
      await store.db
        .update(hosts)
        .set({ lastSeenAt: new Date(atMs), connected, ...hello })
        .where(eq(hosts.id, hostId));
    },
    forgetConnections: async () => {
      await store.db.update(hosts).set({ connected: false }).where(eq(hosts.connected, true));
    },
  };
}

function enrolmentTransaction(tx: Tx): EnrolmentTransaction {
  return {
    addToken: async ({ id, secretHash, hostName, expiresAtMs, by }) => {
      await tx
        .insert(enrolmentTokens)
        .values({ id, secretHash, hostName, expiresAt: new Date(expiresAtMs), createdBy: by });
    },
    useToken: use => useToken(tx, use),
    hostNamed: async name => {
      const [row] = await tx.select().from(hosts).where(eq(hosts.name, name)).for('update');
      return row === undefined ? null : hostRecord(row);
    },
    host: async hostId => {
      const [row] = await tx.select().from(hosts).where(eq(hosts.id, hostId)).for('update');
      return row === undefined ? null : hostRecord(row);
    },
    addHost: async ({ hostId, name }) => {
      const added = await tx
        .insert(hosts)
        .values({ id: hostId, name })
        .onConflictDoNothing()
        .returning({ id: hosts.id });
      return added.length === 1;
    },
    setHostState: async (hostId, state) => {
      await tx
        .update(hosts)
        .set({ state, ...(state === 'enrolled' && { acknowledged: 0 }) })
        .where(eq(hosts.id, hostId));
    },
    addCertificate: async ({ serial, hostId, keyHash, notAfterMs }) => {
      await tx.insert(certificates).values({ serial, hostId, publicKeyHash: keyHash, notAfter: new Date(notAfterMs) });
    },
    revokeCertificates: async (hostId, nowMs) => {
      await tx
        .update(certificates)
        .set({ revokedAt: new Date(nowMs) })
        .where(and(eq(certificates.hostId, hostId), isNull(certificates.revokedAt)));
    },
    audit: async entry => {
      await append(tx, entry);
    },
  };
}

/**
 * Of two that use a token at once the second waits for the row, and then finds it used: the condition and the use are
 * one statement.
 */
async function useToken(tx: Tx, use: Parameters<EnrolmentTransaction['useToken']>[0]): Promise<TokenUse> {
  const itself = and(eq(enrolmentTokens.id, use.id), eq(enrolmentTokens.secretHash, use.secretHash));
  const hostName = { hostName: enrolmentTokens.hostName };
  const [first] = await tx
    .update(enrolmentTokens)
    .set({ usedAt: new Date(use.nowMs), usedByKey: use.keyHash })
    .where(and(itself, isNull(enrolmentTokens.usedAt), gt(enrolmentTokens.expiresAt, new Date(use.nowMs))))
    .returning(hostName);
  if (first !== undefined) return { outcome: 'used', hostName: first.hostName, again: false };

  const since = new Date(use.nowMs - use.retryMs);
  const [again] = await tx
    .update(enrolmentTokens)
    .set({ usedByKey: use.keyHash })
    .where(and(itself, eq(enrolmentTokens.usedByKey, use.keyHash), gt(enrolmentTokens.usedAt, since)))
    .returning(hostName);
  if (again !== undefined) return { outcome: 'used', hostName: again.hostName, again: true };

  const [found] = await tx.select({ usedAt: enrolmentTokens.usedAt }).from(enrolmentTokens).where(itself);
  if (found === undefined) return { outcome: 'unknown' };
  return { outcome: found.usedAt === null ? 'expired' : 'used-before' };
}

const hostRecord = (row: typeof hosts.$inferSelect): HostRecord => ({
  hostId: row.id,
  name: row.name,
  state: row.state,
  connected: row.connected,
  agentVersion: row.agentVersion,
  bootId: row.bootId,
  lastSeenMs: row.lastSeenAt?.getTime() ?? null,
  acknowledged: row.acknowledged,
});
