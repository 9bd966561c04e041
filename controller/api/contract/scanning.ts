import { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { Envelope } from '@tidemark/shared/signing/dsse.ts';
import { z } from 'zod';
import { DigestParam, HostName, Name } from './common.ts';
import { route } from './route.ts';

export const KnownProfile = z.object({
  profile: ScanProfile,
  digest: DigestParam,
  /** Every agent knows what is built in; all else counts by its signature. */
  source: z.enum(['built-in', 'signed']),
  signedBy: z.array(z.string()),
  /** Why hosts will not scan under it; null where they will. */
  problem: z.string().nullable(),
});
export type KnownProfile = z.input<typeof KnownProfile>;

export const HostSecretKey = z.object({
  host: z.string(),
  name: z.string(),
  generation: z.int(),
  keyId: z.string(),
  /** `waiting`: on its way; `stale`: the agent has other keys than the ones that this was sealed to. */
  state: z.enum(['taken', 'waiting', 'stale']),
});
export type HostSecretKey = z.input<typeof HostSecretKey>;

/** What is looked at, and under which keys secrets are digested. */
export const scanningRoutes = {
  listProfiles: route({
    method: 'GET',
    path: '/scan-profiles',
    role: 'viewer',
    tag: 'fingerprints',
    summary: 'Profiles that scans can be under',
    reply: z.object({ profiles: z.array(KnownProfile) }),
  }),
  profileOfHost: route({
    method: 'GET',
    path: '/hosts/:name/scan-profile',
    role: 'viewer',
    tag: 'fingerprints',
    summary: 'What a scan of a host looks at where no profile is named',
    params: z.strictObject({ name: HostName }),
    reply: z.object({ profile: ScanProfile, signed: z.boolean() }),
  }),
  keepProfile: route({
    method: 'POST',
    path: '/scan-profiles',
    role: 'operator',
    tag: 'fingerprints',
    summary: 'Takes a scan profile that somebody signed (DSSE): scans that no plan carries run under it',
    body: z.strictObject({ envelope: Envelope }),
    status: 201,
    reply: KnownProfile,
  }),
  removeProfile: route({
    method: 'DELETE',
    path: '/scan-profiles/:name/:version',
    role: 'operator',
    tag: 'fingerprints',
    summary: 'Removes a signed scan profile; fingerprints under it stay',
    params: z.strictObject({ name: Name, version: z.coerce.number().int().min(1) }),
    reply: z.object({ name: z.string(), version: z.int() }),
  }),
  listSecretKeys: route({
    method: 'GET',
    path: '/secret-keys',
    role: 'viewer',
    tag: 'fingerprints',
    summary: 'Under which key each host digests secrets',
    reply: z.object({ keys: z.array(HostSecretKey) }),
  }),
  secretKeyRecipients: route({
    method: 'GET',
    path: '/secret-keys/recipients',
    role: 'operator',
    tag: 'fingerprints',
    summary: 'The public keys of agents to which a key for secrets of these clusters is to be sealed',
    query: z.strictObject({
      name: Name,
      /** Names with commas between. */
      clusters: z.string().min(1).max(4_000),
    }),
    reply: z.object({
      generation: z.int(),
      hosts: z.array(z.object({ host: z.string(), hostId: z.string(), sealingKey: z.string() })),
    }),
  }),
  keepSecretKeys: route({
    method: 'POST',
    path: '/secret-keys',
    role: 'operator',
    tag: 'fingerprints',
    summary: 'Carries a key for secrets to hosts: sealed to each, and signed (DSSE)',
    body: z.strictObject({ envelopes: z.array(Envelope).min(1).max(1_000) }),
    status: 201,
    reply: z.object({ name: z.string(), generation: z.int() }),
  }),
};
