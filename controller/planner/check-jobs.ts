import { ok, type Result } from '@tidemark/shared/base/result.ts';
import type { NestedCheck as NestedCall } from '@tidemark/shared/orders/kinds/check.ts';
import type { StepArgs } from '@tidemark/shared/orders/step-kinds.ts';
import type { Values } from './cel.ts';
import type { CHECK_WITH, NestedCheck } from './check-settings.ts';
import { listed } from './fleet-view.ts';
import { draft, type JobDraft } from './job-draft.ts';
import { fillIn, type PlaceholderValues } from './placeholders.ts';
import type { Step } from './policy.ts';

type Settings<K extends keyof typeof CHECK_WITH> = (typeof CHECK_WITH)[K]['_output'];

interface CheckContext {
  host: string;
  /** Of the step, for names. */
  id: string;
  placeholders: PlaceholderValues;
}

/** Of all the checks of `check/all` those that are for this host; of any other step itself. Null where none is. */
export function narrowed(step: Step, values: Values): Result<Step | null, string> {
  if (step.kind !== 'check/all') return ok(step);
  const checks: NestedCheck[] = [];
  for (const [index, check] of step.with.checks.entries()) {
    const wanted = step.checkConditions[index]?.holds(values) ?? ok(true);
    if (!wanted.ok) return wanted;
    if (wanted.value) checks.push(check);
  }
  return ok(checks.length > 0 ? { ...step, with: { checks } } : null);
}

/** One job for all of them: each says what it saw, whatever the first ones say. */
export function allChecks(checks: readonly NestedCheck[], context: CheckContext): JobDraft[] {
  const calls = checks.map(check => nestedCall(check, context.placeholders));
  const words = [...new Set(calls.map(({ kind }) => kind.slice('check/'.length)))];
  return [
    draft({
      name: `check ${listed(words)} on ${context.host}`,
      reason: LISTED,
      call: { kind: 'check/all', args: { checks: calls } },
    }),
  ];
}

type SingleKind = 'check/clock' | 'check/units' | 'check/tcp' | 'check/sql' | 'check/command' | 'check/facts';
type SingleCheck = { [K in SingleKind]: { kind: K; with: Settings<K> } }[SingleKind];

/** The job of a check that is the same on every host. */
export function checkJob({ kind, with: settings }: SingleCheck, context: CheckContext): JobDraft[] {
  const check = { uses: kind, with: settings } as Extract<NestedCheck, { uses: unknown }>;
  const call = nestedCall(check, context.placeholders);
  return [draft({ name: nameOf(call, context), reason: LISTED, call })];
}

/** A page that the policy names. */
export function pageJob(settings: Settings<'check/http'> & { url: string }, context: CheckContext): JobDraft[] {
  const call = nestedCall({ uses: 'check/http', with: settings }, context.placeholders);
  return [draft({ name: nameOf(call, context), reason: LISTED, call })];
}

const LISTED = 'the policy lists it';

function nameOf(call: NestedCall, { host, id }: CheckContext): string {
  switch (call.kind) {
    case 'check/clock':
      return `check the clock of ${host}`;
    case 'check/units':
      return `check the units of ${host}`;
    case 'check/tcp':
      return `check that ${host} reaches ${call.args.host} port ${call.args.port}`;
    case 'check/sql':
      return `ask the database ${call.args.database} on ${host}`;
    case 'check/http':
      return `check ${id} from ${host}`;
    default:
      return `check ${id} on ${host}`;
  }
}

/** Short forms become what they stand for. */
function nestedCall(check: NestedCheck, placeholders: PlaceholderValues): NestedCall {
  if ('cel' in check) return { kind: 'check/facts', args: { condition: check.cel, withinMs: check.within } };
  if ('http' in check) {
    const { http, expect: expectStatus, text: expectText, within: withinMs } = check;
    return { kind: 'check/http', args: { url: fillIn(http, placeholders), expectStatus, expectText, withinMs } };
  }
  if ('sql' in check) {
    const { sql: query, when: _, ...settings } = check;
    return { kind: 'check/sql', args: sqlArgs({ query, ...settings }) };
  }
  switch (check.uses) {
    case 'check/clock':
      return { kind: check.uses, args: { maxOffsetMs: check.with.maxOffset } };
    case 'check/units':
    case 'check/tcp':
    case 'check/pending':
    case 'check/facts': {
      const { within: withinMs, ...args } = check.with;
      return { kind: check.uses, args: { ...args, withinMs } } as NestedCall;
    }
    case 'check/loaded':
      return { kind: check.uses, args: check.with };
    case 'check/disk': {
      const needs = Object.entries(check.with.free).map(([path, bytes]) => ({ path, bytes }));
      return { kind: check.uses, args: { needs } };
    }
    case 'check/http': {
      const { url, status: expectStatus, text: expectText, within: withinMs } = check.with;
      return { kind: check.uses, args: { url: fillIn(url, placeholders), expectStatus, expectText, withinMs } };
    }
    case 'check/sql':
      return { kind: check.uses, args: sqlArgs(check.with) };
    case 'check/command': {
      const { command, within: withinMs, ...args } = check.with;
      return { kind: check.uses, args: { ...args, command: command as [string, ...string[]], withinMs } };
    }
  }
}

function sqlArgs({ socket, port, expect, limit, ...args }: Settings<'check/sql'>): StepArgs<'check/sql'> {
  const at = { by: 'socket' as const, directory: socket, port };
  return { engine: 'postgresql', at, ...args, expectValue: expect, statementMs: Math.max(1, limit) };
}
