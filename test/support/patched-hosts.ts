import { randomBytes, randomUUID } from 'node:crypto';
import { createBaselineStore } from '@tidemark/controller/store/baselines.ts';
import { createProfileStore } from '@tidemark/controller/store/scan-profiles.ts';
import { artifacts, signatureFiles, signatures } from '@tidemark/controller/store/schema.ts';
import { createSecretKeyStore } from '@tidemark/controller/store/secret-keys.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { createVerificationStore } from '@tidemark/controller/store/verification.ts';
import { createWaiverStore } from '@tidemark/controller/store/waivers.ts';
import type { AgentFacts } from '@tidemark/controller/verification/ports.ts';
import { createVerification, type Verification } from '@tidemark/controller/verification/service.ts';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { APPLICATION_PROFILE, type ServerTree, serverTree } from './scan-tree.ts';

/* One product with two releases on the members of one cluster: what verification is tried on. */

export const OLD = {
  'bin/serve': '#!/bin/sh\n1.4.0',
  'lib/core.js': 'core 1.4.0',
  'lib/old.js': 'old',
  'lib/same.js': 'same',
};
export const NEW = {
  'bin/serve': '#!/bin/sh\n1.4.1',
  'lib/core.js': 'core 1.4.1',
  'lib/new.js': 'new',
  'lib/same.js': 'same',
};
export const HOME = '/opt/orders-db';

/** A patched server with the release before kept beside. */
export function patched(name: string): ServerTree {
  const tree = serverTree({
    [`${HOME}/current`]: '-> releases/1.4.1',
    '/etc/app/app.conf': 'a',
    '/etc/app/host.conf': name,
  });
  for (const [version, files] of [
    ['1.4.0', OLD],
    ['1.4.1', NEW],
  ] as const) {
    for (const [path, content] of Object.entries(files)) tree.write(`${HOME}/releases/${version}/${path}`, content);
  }
  return tree;
}

export async function harvest(store: Store, version: string, files: Record<string, string>): Promise<void> {
  const [id, artifact] = [randomUUID(), `sha256:${version}`];
  await store.db.insert(artifacts).values({ digest: artifact, name: version, bytes: 1 });
  await store.db.insert(signatures).values({
    ...{ id, product: 'orders-db', version, artifact, tier: 'operator', unpackedBytes: 1 },
    ...{ fileCount: Object.keys(files).length, importedBy: 'test' },
  });
  await store.db.insert(signatureFiles).values(
    Object.entries(files).map(([path, content]) => ({
      ...{ signature: id, path: Buffer.from(path), kind: 'file' as const, digest: sha256(Buffer.from(content)) },
      ...{ size: content.length, executable: content.startsWith('#!') },
    })),
  );
}

export interface VerifiedCluster {
  members: string[];
  trustRoot: TrustRoot | null;
  now: () => number;
  /** What agents say; nothing where it is left out. */
  agents?: Partial<AgentFacts>;
}

/** Verification over this store, with a landscape in which every host has the product and is in the cluster. */
export function verificationOf(
  store: Store,
  { members, trustRoot, now, agents = {} }: VerifiedCluster = {
    members: ['db01', 'db02'],
    trustRoot: null,
    now: Date.now,
  },
): Verification {
  return createVerification({
    store: {
      ...createVerificationStore(store),
      ...createBaselineStore(store),
      ...createWaiverStore(store),
      ...createProfileStore(store),
      ...createSecretKeyStore(store),
    },
    agents: { sealingKeys: async () => new Map(), running: async () => null, ...agents },
    trustRoot: async () => trustRoot,
    clock: { now },
    newId: randomUUID,
    newNonce: () => randomBytes(32),
    landscape: {
      productsOf: async () => [{ product: 'orders-db', home: HOME }],
      peersOf: async name => (name === 'db02' ? ['db01'] : []),
      clustersOf: async () => ['orders-db'],
      membersOf: async cluster => (cluster === 'orders-db' ? members : null),
      roleOf: async () => 'db',
      profileFor: async name => (name === 'bare01' ? null : APPLICATION_PROFILE),
    },
  });
}
