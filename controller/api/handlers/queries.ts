import type { ApiContext, Handlers } from '../context.ts';
import type { Explained, queryRoutes } from '../contract/queries.ts';
import type { ExplainedCondition, Services } from '../services.ts';
import { unwrap } from './answer.ts';

/** Questions about hosts, and groups of them. */
export function queryHandlers({ services: { queries } }: ApiContext): Pick<Handlers, keyof typeof queryRoutes> {
  return {
    queryHosts: ({ body }) => unwrap(queries.query(body)),
    explainQuery: ({ body: { text, host } }) => explained(queries.explain({ group: null, text, host })),
    listQueries: async () => ({ queries: await queries.saved() }),
    saveQuery: ({ body, principal }) => unwrap(queries.save({ ...body, by: principal.name })),
    removeQuery: ({ params, principal }) => unwrap(queries.forget({ name: params.name, by: principal.name })),
    listGroups: async () => ({ groups: await queries.groups() }),
    keepGroup: ({ body, principal }) => unwrap(queries.keepGroup({ ...body, by: principal.name })),
    removeGroup: ({ params, principal }) => unwrap(queries.removeGroup({ name: params.name, by: principal.name })),
    explainGroup: ({ params: { name, host } }) => explained(queries.explain({ group: name, text: null, host })),
    groupChanges: async ({ params: { name }, query: { host, limit } }) => ({
      changes: await unwrap(queries.changes({ group: name, host: host ?? null, limit })),
    }),
  };
}

const explained = async (answer: ReturnType<Services['queries']['explain']>): Promise<Explained> => ({
  parts: partsOf(await unwrap(answer), 0),
});

const partsOf = ({ parts, ...own }: ExplainedCondition, depth: number): Explained['parts'] => [
  { depth, ...own },
  ...parts.flatMap(part => partsOf(part, depth + 1)),
];
