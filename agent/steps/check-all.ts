import { unreachable } from '@tidemark/shared/base/assert.ts';
import type { NestedCheck } from '@tidemark/shared/orders/kinds/check.ts';
import { checkClock } from './check-clock.ts';
import { checkCommand } from './check-command.ts';
import { checkDisk } from './check-disk.ts';
import { checkFacts, loadConditions } from './check-facts.ts';
import { checkHttp } from './check-http.ts';
import { checkPending } from './check-pending.ts';
import { checkSql, loadProbe } from './check-sql.ts';
import { checkTcp } from './check-tcp.ts';
import { checkUnits } from './check-units.ts';
import { loadCollectors } from './collectors.ts';
import { type Executor, report, type StepContext, StepFailed, type StepReport } from './executor.ts';
import { checkLoaded } from './system-loaded.ts';

/** One after the other, all of them: who repairs a server wants to know everything that is wrong with it. */
export const checkAll: Executor<'check/all'> = async ({ checks }, context) => {
  await loadAhead(checks);
  const results: { kind: string; good: boolean; message: string; facts: Record<string, unknown> | null }[] = [];
  for (const check of checks) {
    try {
      results.push({ kind: check.kind, good: true, ...(await run(check, context)) });
    } catch (error) {
      const facts = error instanceof StepFailed ? error.facts : null;
      results.push({ kind: check.kind, good: false, message: (error as Error).message, facts });
    }
  }
  const bad = results.filter(({ good }) => !good);
  if (bad.length === 0)
    return report(`all ${results.length} checks are good: ${results.map(({ message }) => message).join('; ')}`, {
      results,
    });
  const each = bad.map(({ kind, message }, index) => `(${index + 1}) ${kind}: ${message}`);
  throw new StepFailed(`${bad.length} of ${results.length} checks failed: ${each.join(' ')}`, { results });
};

/**
 * What a check reads of this program while it works: an upgrade may take that away while one before it still waits. By
 * the same import() as the check's own, since one of another module looks for the file again.
 */
async function loadAhead(checks: readonly NestedCheck[]): Promise<void> {
  const kinds = new Set(checks.map(({ kind }) => kind));
  if (kinds.has('check/sql')) await loadProbe();
  if (!kinds.has('check/facts')) return;
  await loadConditions();
  await loadCollectors();
  const { loadInformation } = await import('../inventory/system.ts');
  await loadInformation();
}

function run(check: NestedCheck, context: StepContext): Promise<StepReport> {
  switch (check.kind) {
    case 'check/disk':
      return checkDisk(check.args, context);
    case 'check/clock':
      return checkClock(check.args, context);
    case 'check/units':
      return checkUnits(check.args, context);
    case 'check/pending':
      return checkPending(check.args, context);
    case 'check/loaded':
      return checkLoaded(check.args, context);
    case 'check/facts':
      return checkFacts(check.args, context);
    case 'check/sql':
      return checkSql(check.args, context);
    case 'check/command':
      return checkCommand(check.args, context);
    case 'check/tcp':
      return checkTcp(check.args, context);
    case 'check/http':
      return checkHttp(check.args, context);
    default:
      return unreachable(check);
  }
}
