import { Environment, type EvaluationError, type ParseError } from '@marcbachmann/cel-js';
import { err, ok, type Result } from '../base/result.ts';
import { hintFor, type Names, namesOf, unknownName, type Variables } from './names.ts';

/*
 * CEL as conditions have it, on both sides: type-checked when it is read, so that a wrong name is an error with a place and
 * not a host that quietly fails to match. What cannot be evaluated is an error too, never false.
 *
 * An agent loads this only in the child of a step that evaluates something: it takes 25 ms and some MB.
 */

/** Bounds what one condition can cost; the longest that people wrote so far has about 60 nodes. */
const LIMITS = { maxAstNodes: 2_000, maxDepth: 64, maxListElements: 1_000, maxMapEntries: 100, maxCallArguments: 16 };

/** What one kind of condition can speak of. */
export interface CelLanguage {
  environment: Environment;
  names: Names;
}

export function celLanguage(variables: Variables): CelLanguage {
  const environment = new Environment({ limits: LIMITS });
  for (const [name, is] of Object.entries(variables)) {
    if (typeof is === 'string') environment.registerVariable(name, is);
    else environment.registerVariable(name, { schema: { ...is } });
  }
  return { environment, names: namesOf(environment, variables) };
}

/** What is wrong with a condition, and at which character of it. */
export interface ConditionError {
  message: string;
  offset: number;
}

export type Evaluate = (values: Readonly<Record<string, unknown>>) => Result<unknown, string>;

/** `types` may come out of it; `expected` says so in words. A name that nobody knows is told with the nearest known one. */
export function parseCel(
  { environment, names }: CelLanguage,
  text: string,
  types: readonly string[],
  expected: string,
): Result<Evaluate, ConditionError> {
  let parsed: ReturnType<Environment['parse']>;
  try {
    parsed = environment.parse(text);
  } catch (error) {
    return err(conditionError(error as ParseError, names, text));
  }
  const unknown = unknownName(parsed.ast, names, text);
  if (unknown) return err({ ...unknown, message: `${INVALID}: ${unknown.message}` });
  const check = parsed.check();
  if (!check.valid) return err(conditionError(check.error as ParseError, names, text));
  if (check.type !== undefined && ![...types, 'dyn'].includes(check.type))
    return err({ message: `this gives ${check.type}, and ${expected}`, offset: 0 });
  return ok(values => {
    try {
      return ok(parsed(values));
    } catch (error) {
      return err((error as EvaluationError).summary ?? (error as Error).message);
    }
  });
}

export const BOOLEAN = { types: ['bool'], expected: 'a condition must give true or false' } as const;

/** What a condition gave, where that must be true or false. */
export function asBoolean(answer: Result<unknown, string>): Result<boolean, string> {
  if (!answer.ok) return answer;
  if (typeof answer.value === 'boolean') return ok(answer.value);
  return err(`it gives ${typeof answer.value}, not true or false`);
}

const INVALID = 'this is no valid condition';

function conditionError(error: ParseError, names: Names, text: string): ConditionError {
  const message = `${INVALID}: ${error.summary ?? error.message}${hintFor(error, names, text)}`;
  return { message, offset: error.range?.start ?? 0 };
}

/** Whole numbers of JSON are CEL's `int`, so that `facts.cpus + 1 == 5` means what it says. */
export function toCel(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toCel);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toCel(member)]));
  return value;
}
