import { existsSync } from 'node:fs';
import { isDigest } from '@tidemark/shared/base/digest.ts';
import { openPlan, type Plan, PlanDocument } from '@tidemark/shared/orders/plan.ts';
import type { StoredPlan } from '../api/contract/plans.ts';
import type { Client } from '../client/client.ts';
import { CliError, Exit, usageError } from './exit.ts';
import { readText } from './files.ts';
import { plain } from './output/sanitise.ts';

/** The digest of the plan that a person means: a file that `plan --out` wrote, a digest, or the beginning of one. */
export async function planDigest(client: Client, given: string): Promise<string> {
  if (isDigest(given)) return given;
  if (existsSync(given)) return (await planFromFile(given)).digest;
  const prefix = given.replace(/^sha256:/, '');
  if (!/^[0-9a-f]{6,64}$/.test(prefix))
    throw usageError(`${plain(given)} is no file and no digest: "tidemark get plans" lists the plans`);
  const { plans } = await client.listPlans();
  const matches = plans.filter(plan => plan.digest.startsWith(`sha256:${prefix}`));
  const [only] = matches;
  if (!only) throw new CliError(Exit.error, `no plan begins with ${prefix}: "tidemark get plans" lists the plans`);
  if (matches.length > 1) throw usageError(`${matches.length} plans begin with ${prefix}: give more of the digest`);
  return only.digest;
}

/** Reads a plan that lies in a file and computes its digest. */
async function planFromFile(path: string): Promise<Plan> {
  let json: unknown;
  try {
    json = JSON.parse(await readText(path));
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(Exit.error, `${path} is not JSON: ${(error as Error).message}`);
  }
  const document = PlanDocument.safeParse(json);
  if (!document.success) throw new CliError(Exit.error, `${path} holds no plan as "tidemark plan --out" writes it`);
  return opened(document.data, path);
}

/**
 * The plan as the controller gave it, opened here: the digest is computed from the bytes. A controller that shows one
 * plan under the digest of another is found out.
 */
export function openStored(stored: StoredPlan, asked: string | null): Plan {
  const plan = opened(stored.document, 'the plan that the controller gave');
  const claimed = asked ?? stored.digest;
  if (plan.digest !== claimed) {
    throw new CliError(
      Exit.error,
      `the controller gave a plan with digest ${plan.digest} for ${claimed}: do not sign anything, and find out who changed it`,
    );
  }
  return plan;
}

function opened(document: PlanDocument, what: string): Plan {
  const plan = openPlan(document);
  if (!plan.ok) throw new CliError(Exit.error, `${what} is not sound: ${plan.error}`);
  return plan.value;
}
