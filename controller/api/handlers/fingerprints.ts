import type { ApiContext, Handlers } from '../context.ts';
import type { fingerprintRoutes } from '../contract/fingerprints.ts';
import { found, unwrap } from './answer.ts';

/** Scans and what they tell. */
export function fingerprintHandlers({
  services: { verification },
}: ApiContext): Pick<Handlers, keyof typeof fingerprintRoutes> {
  return {
    scanHost: ({ params, principal }) => unwrap(verification.scan({ host: params.name, by: principal.name })),
    getScan: ({ params }) =>
      found(verification.scanRequest(params.id), `scan ${params.id}`, 'ask for one with "tidemark scan HOST"'),
    listFingerprints: async ({ params }) => ({
      fingerprints: await found(
        verification.fingerprints(params.name),
        `host ${params.name}`,
        '"tidemark get hosts" lists those that are known',
      ),
    }),
    identifyHost: ({ params }) => unwrap(verification.identify(params.name)),
    compareHosts: ({ query }) => unwrap(verification.compare(query.a, query.b, { plane: query.plane })),
    driftOfHost: ({ params }) => unwrap(verification.drift(params.name)),
  };
}
