import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router';
import { administrationSearch, driftSearch, hostsSearch, incidentsSearch, runSearch } from './search.ts';

/** Addresses and what may stand in them, without what is shown there: so that screens can know the addresses. */
export const root = createRootRoute();
const getParentRoute = () => root;

export const tonight = createRoute({ getParentRoute, path: '/' });
export const runs = createRoute({ getParentRoute, path: '/runs' });
export const run = createRoute({ getParentRoute, path: '/runs/$run', validateSearch: runSearch });
export const incidents = createRoute({ getParentRoute, path: '/incidents', validateSearch: incidentsSearch });
export const plans = createRoute({ getParentRoute, path: '/plans' });
export const plan = createRoute({ getParentRoute, path: '/plans/$digest' });
export const drift = createRoute({ getParentRoute, path: '/drift', validateSearch: driftSearch });
export const promotion = createRoute({ getParentRoute, path: '/promotion' });
export const hosts = createRoute({ getParentRoute, path: '/hosts', validateSearch: hostsSearch });
export const host = createRoute({ getParentRoute, path: '/hosts/$host' });
export const administration = createRoute({
  getParentRoute,
  path: '/administration',
  validateSearch: administrationSearch,
});

const routeTree = root.addChildren([
  tonight,
  runs,
  run,
  incidents,
  plans,
  plan,
  drift,
  promotion,
  hosts,
  host,
  administration,
]);

export const router = createRouter({ routeTree, defaultPreload: false });

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
