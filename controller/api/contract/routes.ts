import type { z } from 'zod';
import { accessRoutes } from './access.ts';
import { fingerprintRoutes } from './fingerprints.ts';
import { hostRoutes } from './hosts.ts';
import { identificationRoutes } from './identification.ts';
import { incidentRoutes } from './incidents.ts';
import { landscapeRoutes } from './landscape.ts';
import { landscapeSourceRoutes } from './landscape-sources.ts';
import { landscapeUseRoutes } from './landscape-use.ts';
import { planRoutes } from './plans.ts';
import { queryRoutes } from './queries.ts';
import { releaseRoutes } from './releases.ts';
import { repositoryImportRoutes } from './repository-imports.ts';
import { riskRoutes } from './risk.ts';
import type { RouteDefinition } from './route.ts';
import { runMatrixRoutes } from './run-matrix.ts';
import { runRoutes } from './runs.ts';
import { scanningRoutes } from './scanning.ts';
import { signatureRoutes } from './signatures.ts';

/** Everything that can be asked of the controller, by name. */
export const routes = {
  ...accessRoutes,
  ...hostRoutes,
  ...landscapeRoutes,
  ...landscapeSourceRoutes,
  ...landscapeUseRoutes,
  ...releaseRoutes,
  ...planRoutes,
  ...runRoutes,
  ...runMatrixRoutes,
  ...incidentRoutes,
  ...fingerprintRoutes,
  ...identificationRoutes,
  ...scanningRoutes,
  ...signatureRoutes,
  ...repositoryImportRoutes,
  ...queryRoutes,
  ...riskRoutes,
} satisfies Record<string, RouteDefinition>;

export type Routes = typeof routes;
export type RouteName = keyof Routes;
export const routeNames = Object.keys(routes) as RouteName[];

type SchemaOf<N extends RouteName, P extends keyof RouteDefinition> = P extends keyof Routes[N] ? Routes[N][P] : never;
type Sent<S> = S extends z.ZodType ? z.input<S> : undefined;
type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;

/** What a client gives: text for times, and nothing for what has a default. */
export interface RequestOf<N extends RouteName> {
  params: Sent<SchemaOf<N, 'params'>>;
  query: Sent<SchemaOf<N, 'query'>>;
  body: Sent<SchemaOf<N, 'body'>>;
}

/** What a handler gets: validated, times as milliseconds, defaults filled in. */
export interface InputOf<N extends RouteName> {
  params: Parsed<SchemaOf<N, 'params'>>;
  query: Parsed<SchemaOf<N, 'query'>>;
  body: Parsed<SchemaOf<N, 'body'>>;
}

/** What a handler gives: times as milliseconds. */
export type OutputOf<N extends RouteName> = z.output<Routes[N]['reply']>;

/** What a client gets: the JSON that was sent. */
export type ReplyOf<N extends RouteName> = z.input<Routes[N]['reply']>;
