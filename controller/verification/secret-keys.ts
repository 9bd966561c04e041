import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { Envelope } from '@tidemark/shared/signing/dsse.ts';
import { verifySecretKey } from '@tidemark/shared/signing/secret-key.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { unknownCluster, type VerificationError } from './errors.ts';
import type { AgentFacts, LandscapePort, SealedSecretKey, SecretKeyStore } from './ports.ts';

type Answer<T> = Promise<Result<T, VerificationError>>;

/** A host that a key is made for. */
export interface Recipient {
  host: string;
  hostId: string;
  /** Base64. */
  sealingKey: string;
}

/** Where a host stands with its key for secrets. */
export interface HostSecretKey {
  host: string;
  name: string;
  generation: number;
  keyId: string;
  /** `stale`: its agent has other keys than the ones that this was sealed to, and cannot open it. */
  state: 'taken' | 'waiting' | 'stale';
}

export interface SecretKeys {
  secretKeys(): Promise<HostSecretKey[]>;
  /** For whom a key of these clusters is made, and as which generation. */
  recipients(input: { name: string; clusters: readonly string[] }): Answer<{ generation: number; hosts: Recipient[] }>;
  /** Takes what was made and signed elsewhere, and sends it. The controller can open none of it. */
  keepSecretKeys(input: { envelopes: readonly Envelope[]; by: string }): Answer<{ name: string; generation: number }>;
}

export interface SecretKeyDependencies {
  store: SecretKeyStore;
  landscape: Pick<LandscapePort, 'membersOf'>;
  agents: Pick<AgentFacts, 'sealingKeys'>;
  trustRoot: () => Promise<TrustRoot | null>;
}

/** Carries keys for secrets to hosts: they are made, sealed and signed by people, and the controller never sees one. */
export function createSecretKeys({ store, landscape, agents, trustRoot }: SecretKeyDependencies) {
  const secretKeys: SecretKeys = {
    secretKeys: async () => {
      const known = await agents.sealingKeys();
      const keys = await store.newest();
      return keys
        .map(({ host, name, generation, keyId, recipient }): HostSecretKey => {
          const agent = known.get(host);
          const isStale = agent?.sealingKey != null && agent.sealingKey !== recipient;
          const state = agent?.secretKey === keyId ? 'taken' : isStale ? 'stale' : 'waiting';
          return { host, name, generation, keyId, state };
        })
        .sort((a, b) => (a.host < b.host ? -1 : 1));
    },

    recipients: async ({ name, clusters }) => {
      const names = new Set<string>();
      for (const cluster of clusters) {
        const members = await landscape.membersOf(cluster);
        if (!members) return err(unknownCluster(cluster));
        for (const member of members) names.add(member);
      }
      const known = await agents.sealingKeys();
      const hosts: Recipient[] = [];
      const missing: string[] = [];
      for (const host of [...names].sort()) {
        const agent = known.get(host);
        if (agent?.sealingKey) hosts.push({ host, hostId: agent.hostId, sealingKey: agent.sealingKey });
        else missing.push(host);
      }
      if (missing.length > 0) {
        const message = `${missing.join(', ')} ${missing.length === 1 ? 'has' : 'have'} no agent that has told its facts: enrol it, and see that "tidemark get hosts" says it is connected`;
        return err({ code: 'bad-secret-key', message });
      }
      return ok({ generation: (await store.generation(name)) + 1, hosts });
    },

    keepSecretKeys: async ({ envelopes, by }) => {
      const root = await trustRoot();
      if (!root) return invalid('the fleet has no trust root');
      const keys: SealedSecretKey[] = [];
      for (const envelope of envelopes) {
        const verified = verifySecretKey(envelope, root);
        if (!verified.ok) return invalid(verified.error);
        const { name, generation, keyId, hostId, recipient } = verified.value.statement;
        keys.push({ name, generation, keyId, hostId, recipient, envelope: JSON.stringify(envelope) });
      }
      const [first] = keys;
      if (!first) return invalid('there is none');
      const { name, generation, keyId } = first;
      if (keys.some(key => key.name !== name || key.generation !== generation || key.keyId !== keyId)) {
        return invalid('one key is made at a time');
      }
      const known = new Map([...(await agents.sealingKeys()).values()].map(agent => [agent.hostId, agent]));
      const unknown = keys.find(({ hostId }) => !known.has(hostId));
      if (unknown) return invalid(`no host ${unknown.hostId} is enrolled`);
      if (await store.addKeys(keys, by)) return ok({ name, generation });
      return invalid(`there is a generation ${generation} of ${name} already: somebody else has made one; try again`);
    },
  };

  return {
    secretKeys,
    /** A host has said which key it has: where it is not the one that was made for it, that one is sent once more. */
    async told(hostId: string, facts: Record<string, unknown>): Promise<void> {
      const newest = await store.newestOf(hostId);
      if (!newest || newest.recipient !== facts['sealingKey'] || secretKeyOf(facts) === newest.keyId) return;
      await store.sendAgain(hostId);
    },
  };
}

/** The id of the key that an agent says it has. */
export function secretKeyOf(facts: Record<string, unknown>): string | null {
  const said = facts['secretKey'];
  const id = typeof said === 'object' && said !== null ? (said as Record<string, unknown>)['keyId'] : null;
  return typeof id === 'string' ? id : null;
}

const invalid = (why: string) =>
  err({ code: 'bad-secret-key' as const, message: `the key for secrets does not count: ${why}` });
