import type { ApiContext, Handlers } from '../context.ts';
import type { fingerprintRoutes } from '../contract/fingerprints.ts';
import { found, unwrap } from './answer.ts';

/** Scans and what they tell. */
export function fingerprintHandlers({
  services: { verification, scheduling },
}: ApiContext): Pick<Handlers, keyof typeof fingerprintRoutes> {
  return {
    scanHost: ({ params, body: { profile }, principal }) =>
      unwrap(verification.scan({ host: params.name, by: principal.name, profile })),
    auditHosts: async ({ body, principal }) => ({
      scans: await unwrap(verification.audit({ ...body, by: principal.name })),
    }),
    getScan: ({ params }) =>
      found(verification.scanRequest(params.id), `scan ${params.id}`, 'ask for one with "tidemark scan HOST"'),
    listFingerprints: async ({ params }) => ({
      fingerprints: await found(
        verification.fingerprints(params.name),
        `host ${params.name}`,
        '"tidemark get hosts" lists those that are known',
      ),
    }),
    compareHosts: ({ query: { a, b, plane, excluding } }) =>
      unwrap(verification.compare(a, b, { plane, excludingPatches: excluding === 'patches' })),
    compareCluster: ({ params, query: { plane, excluding } }) =>
      unwrap(verification.compareCluster(params.name, { plane, excludingPatches: excluding === 'patches' })),
    listBaselines: async () => ({ baselines: await verification.baselines() }),
    keepBaseline: ({ body, principal }) => unwrap(verification.keepBaseline({ ...body, by: principal.name })),
    removeBaseline: async ({ params: { name }, principal }) => {
      await unwrap(verification.removeBaseline({ name, by: principal.name }));
      return { name };
    },
    listWaivers: async ({ query }) => ({ waivers: await verification.waivers({ all: query.state === 'all' }) }),
    addWaiver: ({ body, principal }) => unwrap(verification.addWaiver({ ...body, by: principal.name })),
    endWaiver: async ({ params: { id }, principal }) => {
      await unwrap(verification.endWaiver({ id, by: principal.name }));
      return { id };
    },
    listSchedules: async () => ({ schedules: await scheduling.list() }),
    addSchedule: ({ body, principal }) => unwrap(scheduling.add({ ...body, by: principal.name })),
    removeSchedule: async ({ params: { name }, principal }) => {
      await unwrap(scheduling.remove({ name, by: principal.name }));
      return { name };
    },
    driftOfHost: ({ params }) => unwrap(verification.drift(params.name)),
  };
}
