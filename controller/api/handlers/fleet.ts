import type { ApiContext, Handlers } from '../context.ts';
import type { hostRoutes } from '../contract/hosts.ts';
import { found, unwrap } from './answer.ts';

/** Hosts and their agents. */
export function fleetHandlers({ services }: ApiContext): Pick<Handlers, keyof typeof hostRoutes> {
  return {
    listHosts: async () => ({ hosts: await services.hosts.list() }),
    getHost: ({ params }) =>
      found(services.hosts.get(params.name), `host ${params.name}`, '"tidemark get hosts" lists those that are known'),
    listChanges: ({ params, query }) =>
      found(
        services.hosts.changes(params.name, query.since),
        `host ${params.name}`,
        '"tidemark get hosts" lists those that are known',
      ),
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
  };
}
