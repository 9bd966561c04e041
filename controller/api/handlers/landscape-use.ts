import type { ApiContext, Handlers } from '../context.ts';
import type { landscapeUseRoutes } from '../contract/landscape-use.ts';
import { found, unwrap } from './answer.ts';
import { importedReply } from './landscape.ts';

/** What the landscape is good for beside plans: dependencies, contracts, and other systems that read it. */
export function landscapeUseHandlers({
  services: { landscape, suggestions, hosts },
}: ApiContext): Pick<Handlers, keyof typeof landscapeUseRoutes> {
  const next = 'import one with "tidemark landscape import FILE"';
  return {
    getImpact: ({ query: { host, component } }) =>
      found(
        landscape.impact({ host, component: component ?? null }),
        component === undefined ? `host ${host} in the landscape` : `component ${component}@${host}`,
        '"tidemark landscape show" lists those there are',
      ),
    listStandings: async ({ query: { host } }) => ({ standings: await landscape.standings(host ?? null) }),
    listSuggestions: async ({ query }) => ({
      suggestions: await suggestions.list({ dismissed: query.dismissed === 'true' }),
    }),
    acceptSuggestion: async ({ params: { id }, body, principal }) =>
      importedReply(await unwrap(suggestions.accept({ id, ...body, by: principal.name })), false),
    dismissSuggestion: async ({ params: { id }, body: { reason }, principal }) => {
      await unwrap(suggestions.dismiss({ id, reason, by: principal.name }));
      return { id };
    },
    exportAnsible: () => found(landscape.ansible(), 'landscape yet', next),
    exportCsv: async () => ({ text: await found(landscape.csv(), 'landscape yet', next) }),
    exportHosts: async ({ query: { after = '', limit, facts } }) => {
      const page = await hosts.page(after, limit);
      const shown = facts === 'true' ? page.hosts : page.hosts.map(host => ({ ...host, facts: null }));
      return { format: 'tidemark/export/v1', ...page, hosts: shown };
    },
  };
}
