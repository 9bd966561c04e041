import type {
  EnrolmentStore,
  EnrolmentTransaction,
  HostRecord,
  TokenRecord,
} from '@tidemark/controller/enrolment/ports.ts';

interface Kept {
  tokens: Map<string, TokenRecord & { usedAtMs: number | null; usedByKey: Buffer | null }>;
  hosts: Map<string, HostRecord>;
  certificates: Map<string, { hostId: string; keyHash: Buffer; notAfterMs: number; revoked: boolean }>;
  audit: { actor: string; action: string; subject: string; detail: Record<string, string | number> }[];
}

/** Enrolment's records in memory; the same suite runs against it and against the database. */
export function createEnrolmentMemory(): EnrolmentStore & { kept(): Kept } {
  let kept: Kept = { tokens: new Map(), hosts: new Map(), certificates: new Map(), audit: [] };
  let last: Promise<unknown> = Promise.resolve();

  const transactionOn = (draft: Kept): EnrolmentTransaction => ({
    addToken: async token => void draft.tokens.set(token.id, { ...token, usedAtMs: null, usedByKey: null }),
    useToken: async ({ id, secretHash, keyHash, nowMs, retryMs }) => {
      const token = draft.tokens.get(id);
      if (token === undefined || !token.secretHash.equals(secretHash)) return { outcome: 'unknown' };
      if (token.usedAtMs !== null) {
        const again = token.usedByKey?.equals(keyHash) === true && nowMs < token.usedAtMs + retryMs;
        return again ? { outcome: 'used', hostName: token.hostName, again } : { outcome: 'used-before' };
      }
      if (nowMs >= token.expiresAtMs) return { outcome: 'expired' };
      draft.tokens.set(id, { ...token, usedAtMs: nowMs, usedByKey: keyHash });
      return { outcome: 'used', hostName: token.hostName, again: false };
    },
    hostNamed: async name => [...draft.hosts.values()].find(host => host.name === name) ?? null,
    host: async hostId => draft.hosts.get(hostId) ?? null,
    addHost: async ({ hostId, name }) => {
      if ([...draft.hosts.values()].some(host => host.name === name)) return false;
      draft.hosts.set(hostId, {
        hostId,
        name,
        state: 'enrolled',
        connected: false,
        agentVersion: null,
        bootId: null,
        lastSeenMs: null,
        acknowledged: 0,
      });
      return true;
    },
    setHostState: async (hostId, state) => {
      const host = draft.hosts.get(hostId);
      if (host === undefined) return;
      draft.hosts.set(hostId, { ...host, state, acknowledged: state === 'enrolled' ? 0 : host.acknowledged });
    },
    addCertificate: async ({ serial, ...rest }) => void draft.certificates.set(serial, { ...rest, revoked: false }),
    revokeCertificates: async hostId => {
      for (const [serial, certificate] of draft.certificates)
        if (certificate.hostId === hostId) draft.certificates.set(serial, { ...certificate, revoked: true });
    },
    audit: async entry => void draft.audit.push(entry),
  });

  return {
    kept: () => kept,
    transaction: work => {
      const run = last.then(async () => {
        const draft: Kept = {
          tokens: new Map(kept.tokens),
          hosts: new Map(kept.hosts),
          certificates: new Map(kept.certificates),
          audit: [...kept.audit],
        };
        const value = await work(transactionOn(draft));
        kept = draft;
        return value;
      });
      last = run.catch(() => undefined);
      return run;
    },
    certificate: async serial => {
      const certificate = kept.certificates.get(serial);
      const host = kept.hosts.get(certificate?.hostId ?? '');
      if (certificate === undefined || host === undefined) return null;
      const { keyHash, revoked } = certificate;
      return { serial, keyHash, revoked, host: { hostId: host.hostId, name: host.name, state: host.state } };
    },
    hosts: async () => [...kept.hosts.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    seen: async ({ hostId, atMs, connected, hello }) => {
      const host = kept.hosts.get(hostId);
      if (host !== undefined) kept.hosts.set(hostId, { ...host, ...hello, connected, lastSeenMs: atMs });
    },
    forgetConnections: async () => {
      for (const host of kept.hosts.values()) kept.hosts.set(host.hostId, { ...host, connected: false });
    },
  };
}
