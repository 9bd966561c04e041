import { type ASTNode, parse } from '@marcbachmann/cel-js';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { PlanHeader } from '@tidemark/shared/orders/plan.ts';
import type { Policy } from './policy.ts';
import type { PolicyReader } from './policy-reader.ts';

type Budget = PlanHeader['budgets'][number];
type Scope = Budget['scope'];
const SCOPES: readonly string[] = ['wave', 'cluster', 'application', 'run'] satisfies Scope[];

const FORMS =
  'write forms like wave.failed > 2, wave.failedShare > 0.05, run.failed >= 6 or run.etaMinutes > window.minutesLeft, with || and && wave.name == "..."';

/** Budgets are numbers in the plan, so that whoever approves it reads numbers; the conditions of the file are turned into them. */
export function parseBudgets(reader: PolicyReader): Policy['budgets'] {
  return reader.file.spec.budgets.flatMap((budget, index) => {
    const path = ['spec', 'budgets', index];
    const place = reader.place(path);
    const { when, scope, of = null, maxFailed = null, maxFailedShare = null } = budget;
    // Stopping a run is to start nothing more; what has begun comes to its end in any case.
    const action = budget.then === 'stop-starting' ? 'stop' : budget.then;
    if (when !== undefined) {
      if (scope || of !== null || maxFailed !== null || maxFailedShare !== null) {
        reader.complain(path, 'a budget has either "when" or "scope" with its limits, not both');
        return [];
      }
      const limits = budgetsOf(when);
      if (!limits.ok) reader.complain([...path, 'when'], limits.error);
      return limits.ok ? limits.value.map(limit => ({ ...limit, action, place })) : [];
    }
    if (!scope || (maxFailed === null && maxFailedShare === null)) {
      reader.complain(path, 'a budget needs "when", or "scope" with "maxFailed" or "maxFailedShare"');
      return [];
    }
    return [{ scope, of, maxFailed, maxFailedShare, minMarginMs: null, action, place }];
  });
}

type Limit = Omit<Budget, 'action'>;

/** `a || b` are two budgets: each is exceeded by itself. */
export function budgetsOf(text: string): Result<Limit[], string> {
  let ast: ASTNode;
  try {
    ast = parse(text).ast;
  } catch (error) {
    return err(`this is no valid condition: ${(error as Error).message.split('\n')[0]}; ${FORMS}`);
  }
  const limits: Limit[] = [];
  for (const alternative of flatten(ast, '||')) {
    const limit = limitOf(flatten(alternative, '&&'));
    if (!limit.ok) return limit;
    limits.push(limit.value);
  }
  return ok(limits);
}

function flatten(node: ASTNode, op: '||' | '&&'): ASTNode[] {
  return node.op === op ? node.args.flatMap(arg => flatten(arg, op)) : [node];
}

function limitOf(terms: readonly ASTNode[]): Result<Limit, string> {
  let limit: Limit | null = null;
  let named: { scope: string; name: string } | null = null;
  for (const term of terms) {
    const name = nameTerm(term);
    if (name) {
      named = name;
      continue;
    }
    const margin = marginTerm(term);
    const parsed = margin === null ? countTerm(term) : ok(margin);
    if (!parsed.ok) return parsed;
    if (limit) return err(`two limits that must both be exceeded are not supported yet; ${FORMS}`);
    limit = parsed.value;
  }
  if (!limit) return err(`this names no number of failures; ${FORMS}`);
  if (named && named.scope !== limit.scope)
    return err(`${named.scope}.name says nothing about ${limit.scope}.failed; ${FORMS}`);
  return ok({ ...limit, of: named?.name ?? null });
}

/** `wave.name == "canary"`. */
function nameTerm(node: ASTNode): { scope: string; name: string } | null {
  if (node.op !== '==') return null;
  const field = fieldOf(node.args[0]);
  const value = node.args[1].op === 'value' ? node.args[1].args : null;
  return field?.name === 'name' && typeof value === 'string' ? { scope: field.scope, name: value } : null;
}

/** `run.etaMinutes > window.minutesLeft`, with minutes added on the left or taken from the right. */
function marginTerm(node: ASTNode): Limit | null {
  if (node.op !== '>' && node.op !== '>=') return null;
  const [left, right] = [minutesTerm(node.args[0], '+'), minutesTerm(node.args[1], '-')];
  if (left?.of !== 'run.etaMinutes' || right?.of !== 'window.minutesLeft') return null;
  const minMarginMs = Math.round((left.minutes + right.minutes) * 60_000);
  return { scope: 'run', of: null, maxFailed: null, maxFailedShare: null, minMarginMs };
}

/** `run.etaMinutes`, or that `+ 15`. */
function minutesTerm(node: ASTNode, sign: '+' | '-'): { of: string; minutes: number } | null {
  if (node.op === sign && node.args.length === 2) {
    const [first, second] = node.args;
    const field = first && fieldOf(first);
    const minutes = second?.op === 'value' ? Number(second.args) : Number.NaN;
    return field && minutes >= 0 ? { of: `${field.scope}.${field.name}`, minutes } : null;
  }
  const field = fieldOf(node);
  return field && { of: `${field.scope}.${field.name}`, minutes: 0 };
}

/** `wave.failed > 2`, `run.failedShare > 0.05`: exceeded when there are more. */
function countTerm(node: ASTNode): Result<Limit, string> {
  const unknown = err(`only the number or share of failed hosts and the time left can be limited; ${FORMS}`);
  if (node.op !== '>' && node.op !== '>=') return unknown;
  const field = fieldOf(node.args[0]);
  const value = node.args[1].op === 'value' ? node.args[1].args : null;
  if (!field || !isScope(field.scope) || (typeof value !== 'number' && typeof value !== 'bigint')) return unknown;
  const number = Number(value);
  const { scope } = field;
  if (field.name === 'failed' && Number.isInteger(number)) {
    const maxFailed = node.op === '>' ? number : number - 1;
    if (maxFailed < 0) return err(`${scope}.failed >= 0 is always so`);
    return ok({ scope, of: null, maxFailed, maxFailedShare: null, minMarginMs: null });
  }
  if (field.name === 'failedShare') {
    if (node.op === '>=') return err('a share is limited with ">": write failedShare > 0.05');
    if (number > 1) return err('a share lies between 0 and 1: 5 % is 0.05');
    return ok({ scope, of: null, maxFailed: null, maxFailedShare: number, minMarginMs: null });
  }
  return unknown;
}

const isScope = (text: string): text is Scope => SCOPES.includes(text);

function fieldOf(node: ASTNode): { scope: string; name: string } | null {
  if (node.op !== '.') return null;
  const [object, name] = node.args;
  return object.op === 'id' ? { scope: object.args, name } : null;
}
