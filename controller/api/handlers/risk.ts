import type { ApiContext, Handlers } from '../context.ts';
import type { riskRoutes } from '../contract/risk.ts';
import { withUpload } from '../upload.ts';
import { unwrap } from './answer.ts';

/** Advisories, and what they mean for hosts. */
export function riskHandlers({ services: { risk }, uploads }: ApiContext): Pick<Handlers, keyof typeof riskRoutes> {
  return {
    importAdvisories: ({ query: { name, digest }, bytes, principal }) =>
      withUpload(bytes, digest, uploads, file => unwrap(risk.importFile({ file, name, by: principal.name }))),
    importAdvisoriesFrom: ({ body, principal }) => unwrap(risk.importUrl({ url: body.url, by: principal.name })),
    getAdvisories: async ({ params }) => ({ advisories: await unwrap(risk.advisories(params.name)) }),
    getStandings: ({ params }) => unwrap(risk.standings(params.name)),
    listRisks: ({ query }) => risk.hosts(query.limit),
    getHostRisk: ({ params }) => unwrap(risk.host(params.name)),
    getBundleEffect: ({ params }) => unwrap(risk.bundle(params.name)),
  };
}
