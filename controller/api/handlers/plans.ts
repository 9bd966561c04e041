import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { ApiContext, Handlers } from '../context.ts';
import type { planRoutes } from '../contract/plans.ts';
import { found, unwrap } from './answer.ts';

/** Plans and their approvals. */
export function planHandlers({ services }: ApiContext): Pick<Handlers, keyof typeof planRoutes> {
  const planOf = (digest: string) =>
    found(services.plans.get(digest as Digest), `plan ${digest}`, '"tidemark get plans" lists them');
  return {
    createPlan: async ({ body, principal }) => {
      const { digest } = await unwrap(
        services.plans.plan({
          policyText: body.policyText,
          fileName: body.fileName,
          files: new Map(body.files.map(({ name, text }) => [name, text])),
          atMs: body.at ?? null,
          emergency: body.emergency ?? null,
          cves: body.cves ?? null,
          by: principal.name,
        }),
      );
      return planOf(digest);
    },
    getPolicySchema: async () => ({ ...services.plans.policySchema() }),
    listPlans: async () => ({ plans: await services.plans.list() }),
    getPlan: ({ params }) => planOf(params.digest),
    forecastPlan: ({ params, query }) =>
      found(
        services.plans.forecast(params.digest as Digest, query.repetitions),
        `plan ${params.digest}`,
        '"tidemark get plans" lists them',
      ),
    approvePlan: async ({ params, body, principal }) => {
      await planOf(params.digest);
      await unwrap(services.plans.approve({ plan: params.digest as Digest, envelope: body, by: principal.name }));
      return (await planOf(params.digest)).approval;
    },
  };
}
