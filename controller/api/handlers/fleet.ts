import type { ApiContext, Handlers } from '../context.ts';
import type { hostRoutes } from '../contract/hosts.ts';
import type { landscapeRoutes } from '../contract/landscape.ts';
import { found, unwrap } from './answer.ts';

/** Hosts and the landscape that they stand in. */
export function fleetHandlers({
  services,
}: ApiContext): Pick<Handlers, keyof typeof hostRoutes | keyof typeof landscapeRoutes> {
  const landscape = () =>
    found(services.landscape.current(), 'landscape yet', 'import one with "tidemark landscape import FILE"');
  return {
    listHosts: async () => ({ hosts: await services.hosts.list() }),
    getHost: ({ params }) =>
      found(services.hosts.get(params.name), `host ${params.name}`, '"tidemark get hosts" lists those that are known'),
    dryRunHost: ({ params, body }) => unwrap(services.hosts.dryRun({ host: params.name, ...body })),
    createEnrolmentToken: async ({ body, principal }) => {
      const issued = await unwrap(
        services.enrolment.issueToken({ hostName: body.host, ttlMs: body.ttlMs, by: principal.name }),
      );
      return { token: issued.token, host: body.host, expiresAt: issued.expiresAtMs };
    },
    evictHost: async ({ params, principal }) => {
      await unwrap(services.enrolment.evict({ host: params.name, by: principal.name }));
      return { name: params.name, state: 'evicted' };
    },
    banHost: async ({ params, principal }) => {
      await unwrap(services.enrolment.ban({ host: params.name, by: principal.name }));
      return { name: params.name, state: 'banned' };
    },
    importLandscape: ({ body, principal }) =>
      unwrap(services.landscape.importLandscape({ ...body, by: principal.name })),
    getLandscape: landscape,
    listComponents: async () => ({ components: (await services.landscape.current())?.components ?? [] }),
    listClusters: async () => ({ clusters: (await services.landscape.current())?.clusters ?? [] }),
  };
}
