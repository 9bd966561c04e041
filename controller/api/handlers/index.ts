import type { ApiContext, Handlers } from '../context.ts';
import { accessHandlers } from './access.ts';
import { fingerprintHandlers } from './fingerprints.ts';
import { fleetHandlers } from './fleet.ts';
import { identificationHandlers } from './identification.ts';
import { landscapeHandlers } from './landscape.ts';
import { landscapeUseHandlers } from './landscape-use.ts';
import { planHandlers } from './plans.ts';
import { queryHandlers } from './queries.ts';
import { releaseHandlers } from './releases.ts';
import { repositoryImportHandlers } from './repository-imports.ts';
import { riskHandlers } from './risk.ts';
import { runHandlers } from './runs.ts';
import { scanningHandlers } from './scanning.ts';
import { signatureHandlers } from './signatures.ts';

/** One handler for every route of the contract: the compiler says which is missing. */
export const createHandlers = (context: ApiContext): Handlers => ({
  ...accessHandlers(context),
  ...fleetHandlers(context),
  ...landscapeHandlers(context),
  ...landscapeUseHandlers(context),
  ...releaseHandlers(context),
  ...planHandlers(context),
  ...runHandlers(context),
  ...fingerprintHandlers(context),
  ...identificationHandlers(context),
  ...scanningHandlers(context),
  ...signatureHandlers(context),
  ...repositoryImportHandlers(context),
  ...queryHandlers(context),
  ...riskHandlers(context),
});
