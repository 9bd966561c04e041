import type { ApiContext, Handlers } from '../context.ts';
import type { accessRoutes } from '../contract/access.ts';
import { found, unwrap } from './answer.ts';

/** Who may do what, and who did. */
export function accessHandlers({ services }: ApiContext): Pick<Handlers, keyof typeof accessRoutes> {
  const { access, audit, system, trust } = services;
  const trustRoot = () =>
    found(
      trust.current(),
      'trust root yet',
      'make one with "tidemark trust create" and install it with "trust install"',
    );
  return {
    health: async () => ({ status: await system.health(), version: system.version }),
    whoami: async ({ principal }) => ({
      name: principal.name,
      role: principal.role,
      fleet: system.fleet,
      version: system.version,
    }),
    createApiToken: ({ body, principal }) => unwrap(access.createToken({ ...body, by: principal.name })),
    listApiTokens: async () => ({ tokens: await access.listTokens() }),
    revokeApiToken: ({ params, principal }) => unwrap(access.revokeToken({ id: params.id, by: principal.name })),
    setTrustRoot: async ({ body, principal }) => {
      await unwrap(trust.set({ envelope: body, by: principal.name }));
      return trustRoot();
    },
    getTrustRoot: trustRoot,
    listAudit: async ({ query }) => {
      const entries = await audit.list(query);
      return { entries, next: entries.at(-1)?.id ?? query.after };
    },
    verifyAudit: () => audit.verify(),
  };
}
