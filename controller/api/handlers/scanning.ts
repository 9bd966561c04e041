import type { ApiContext, Handlers } from '../context.ts';
import type { scanningRoutes } from '../contract/scanning.ts';
import { unwrap } from './answer.ts';

/** Profiles that scans are under, and keys for secrets. */
export function scanningHandlers({
  services: { verification },
}: ApiContext): Pick<Handlers, keyof typeof scanningRoutes> {
  return {
    listProfiles: async () => ({ profiles: await verification.profiles() }),
    profileOfHost: async ({ params }) => {
      const { profile, envelope } = await unwrap(verification.profileOf(params.name));
      return { profile, signed: envelope !== null };
    },
    keepProfile: ({ body: { envelope }, principal }) =>
      unwrap(verification.keepProfile({ envelope, by: principal.name })),
    removeProfile: async ({ params: { name, version }, principal }) => {
      await unwrap(verification.removeProfile({ name, version, by: principal.name }));
      return { name, version };
    },
    listSecretKeys: async () => ({ keys: await verification.secretKeys() }),
    secretKeyRecipients: ({ query: { name, clusters } }) =>
      unwrap(verification.recipients({ name, clusters: clusters.split(',') })),
    keepSecretKeys: ({ body: { envelopes }, principal }) =>
      unwrap(verification.keepSecretKeys({ envelopes, by: principal.name })),
  };
}
