import { Environment, type EvaluationError, type ParseError } from '@marcbachmann/cel-js';
import { err, ok, type Result } from '../base/result.ts';
import { tooCostly } from './cost.ts';
import { hintFor, type Names, type Node, namesOf, type Types, unknownName, type Variables } from './names.ts';
import { PATTERN_FUNCTION, registerPatterns, withLinearPatterns } from './patterns.ts';
import { registerVersions } from './versions.ts';

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

/** `types`: things with fields that the types of variables name, such as `list<Package>`; those that others name come first. */
export function celLanguage(variables: Variables, types: Types = {}): CelLanguage {
  const environment = new Environment({ limits: LIMITS });
  registerVersions(environment);
  registerPatterns(environment);
  for (const [name, fields] of Object.entries(types)) environment.registerType({ name, schema: { ...fields } });
  for (const [name, is] of Object.entries(variables)) {
    if (typeof is === 'string') environment.registerVariable(name, is);
    else environment.registerVariable(name, { schema: { ...is } });
  }
  return { environment, names: namesOf(environment, variables, types) };
}

/** What is wrong with a condition, and at which character of it. */
export interface ConditionError {
  message: string;
  offset: number;
}

export type Evaluate = (values: Readonly<Record<string, unknown>>) => Result<unknown, string>;

/** A condition that was read and checked. */
export interface Parsed {
  evaluate: Evaluate;
  ast: Node;
}

/** `types` may come out of it; `expected` says so in words. A name that nobody knows is told with the nearest known one. */
export function parseCel(
  { environment, names }: CelLanguage,
  text: string,
  types: readonly string[],
  expected: string,
): Result<Evaluate, ConditionError> {
  const parsed = readCel({ environment, names }, text, types, expected);
  return parsed.ok ? ok(parsed.value.evaluate) : parsed;
}

/** The same with how it is built, for those who evaluate parts of it. `types` null: anything may come out of it. */
export function readCel(
  { environment, names }: CelLanguage,
  text: string,
  types: readonly string[] | null,
  expected: string,
): Result<Parsed, ConditionError> {
  let parsed: ReturnType<Environment['parse']>;
  try {
    parsed = environment.parse(withLinearPatterns(environment, text));
  } catch (error) {
    return err(conditionError(error as ParseError, names, text));
  }
  const unknown = unknownName(parsed.ast, names, text);
  if (unknown) return err({ ...unknown, message: `${INVALID}: ${unknown.message}` });
  const check = parsed.check();
  if (!check.valid) return err(conditionError(check.error as ParseError, names, text));
  if (types && check.type !== undefined && ![...types, 'dyn'].includes(check.type))
    return err({ message: `this gives ${check.type}, and ${expected}`, offset: 0 });
  const costly = tooCostly(parsed.ast);
  if (costly) return err({ ...costly, message: `${INVALID}: ${costly.message}` });
  const evaluate: Evaluate = values => {
    try {
      return ok(parsed(values));
    } catch (error) {
      return err((error as EvaluationError).summary ?? (error as Error).message);
    }
  };
  return ok({ evaluate, ast: parsed.ast });
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
  const words = (error.summary ?? error.message).replaceAll(PATTERN_FUNCTION, 'matches');
  const message = `${INVALID}: ${words}${hintFor(error, names, text)}`;
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
