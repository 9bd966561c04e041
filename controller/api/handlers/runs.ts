import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { ApiContext, Handlers } from '../context.ts';
import type { incidentRoutes } from '../contract/incidents.ts';
import type { runMatrixRoutes } from '../contract/run-matrix.ts';
import type { runRoutes } from '../contract/runs.ts';
import { found, unwrap } from './answer.ts';

/** 200 ms: what a person takes for "at once"; a query by primary key is all that it costs. */
const POLL_MS = 200;

/** Runs, their events, and what they need decisions for. */
export function runHandlers({
  services,
  clock,
  sleep,
}: ApiContext): Pick<Handlers, keyof typeof runRoutes | keyof typeof runMatrixRoutes | keyof typeof incidentRoutes> {
  const { runs, incidents } = services;
  const listed = '"tidemark run list" shows them';
  const viewOf = (run: string) => found(runs.view(run), `run ${run}`, listed);
  return {
    createRun: async ({ body, principal }) => {
      const { run } = await unwrap(runs.apply({ plan: body.plan as Digest, by: principal.name }));
      return { run };
    },
    listRuns: async () => ({ runs: await runs.list() }),
    getRun: ({ params }) => viewOf(params.run),
    getRunHost: async ({ params }) => {
      const { hosts } = await viewOf(params.run);
      const host = hosts.find(one => one.host === params.host) ?? null;
      return found(Promise.resolve(host), `host ${params.host} in run ${params.run}`, listed);
    },
    getRunMatrix: ({ params }) => found(runs.matrix(params.run), `run ${params.run}`, listed),
    listRunEvents: async ({ params, query, gone }) => {
      const until = clock.monotonic() + query.wait * 1_000;
      for (;;) {
        const page = await found(
          runs.events({ run: params.run, afterId: query.after, limit: query.limit }),
          `run ${params.run}`,
          listed,
        );
        const next = page.events.at(-1)?.id ?? query.after;
        const leftMs = until - clock.monotonic();
        if (page.events.length > 0 || page.ended || leftMs <= 0 || gone.aborted) {
          return { events: page.events, next, ended: page.ended && page.events.length < query.limit };
        }
        await sleep(Math.min(POLL_MS, leftMs), gone);
      }
    },
    pauseRun: async ({ params, body, principal }) => {
      await unwrap(runs.pause({ run: params.run, by: principal.name, reason: body.reason }));
      return viewOf(params.run);
    },
    resumeRun: async ({ params, body, principal }) => {
      await unwrap(runs.resume({ run: params.run, by: principal.name, reason: body.reason }));
      return viewOf(params.run);
    },
    stopRun: async ({ params, body, principal }) => {
      await unwrap(runs.stop({ run: params.run, by: principal.name, ...body }));
      return viewOf(params.run);
    },
    amendHost: ({ params, body, principal }) => unwrap(runs.amend({ ...params, envelope: body, by: principal.name })),
    approveWave: ({ params, body, principal }) =>
      unwrap(runs.approveWave({ ...params, envelope: body, by: principal.name })),
    signalGate: async ({ params, body, principal }) => {
      await unwrap(runs.signal({ ...params, ...body, by: principal.name }));
      return viewOf(params.run);
    },
    getJob: ({ params, query }) =>
      found(
        runs.job({ ...params, direction: query.direction }),
        `job ${params.position} of ${params.host} in run ${params.run}`,
        `"tidemark describe run ${params.run}" shows the jobs`,
      ),
    listIncidents: async ({ query }) => ({ incidents: await incidents.list({ state: query.state }) }),
    getIncident: ({ params }) =>
      found(incidents.detail(params.id), `incident ${params.id}`, '"tidemark get incidents" lists them'),
    takeIncident: ({ params, principal }) => unwrap(incidents.take({ id: params.id, by: principal.name })),
    commentIncident: ({ params, body, principal }) =>
      unwrap(incidents.comment({ id: params.id, by: principal.name, text: body.text })),
    resolveIncident: ({ params, body, principal }) =>
      unwrap(incidents.resolve({ id: params.id, by: principal.name, reason: body.reason })),
  };
}
