import { Environment, type EvaluationError, type ParseError } from '@marcbachmann/cel-js';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';

/*
 * Conditions are CEL. They are type-checked when the policy is read, so that a wrong name is an error with a place and not
 * a host that quietly fails to match. What cannot be evaluated for a host is an error too, never false.
 */

/** Bounds what one condition can cost; the longest that people wrote so far has about 60 nodes. */
const LIMITS = { maxAstNodes: 2_000, maxDepth: 64, maxListElements: 1_000, maxMapEntries: 100, maxCallArguments: 16 };

const HOST = {
  name: 'string',
  app: 'string',
  /** The landscape's own words for the same, since whoever has just written these writes them here too. */
  application: 'string',
  env: 'string',
  environment: 'string',
  tags: 'list<string>',
  attributes: 'map<string, dyn>',
  cluster: 'string',
  tiers: 'list<string>',
  components: 'list<string>',
  products: 'list<string>',
  role: 'string',
} as const;

/** What a condition can speak of: see the README's table. */
const ENVIRONMENTS = {
  /** What the landscape says of a host. Roles in clusters are found only after the selection. */
  host: new Environment({ limits: LIMITS }).registerVariable('host', { schema: { ...HOST } }),
  plannedHost: new Environment({ limits: LIMITS }).registerVariable('host', {
    schema: { ...HOST, clusterRole: 'string' },
  }),
  plannedHostWithFacts: new Environment({ limits: LIMITS })
    .registerVariable('host', { schema: { ...HOST, clusterRole: 'string' } })
    .registerVariable('facts', 'map<string, dyn>'),
  facts: new Environment({ limits: LIMITS }).registerVariable('facts', 'map<string, dyn>'),
  /** One patch of a bundle. */
  patch: new Environment({ limits: LIMITS }).registerVariable('patch', {
    schema: { kind: 'string', name: 'string', version: 'string', architecture: 'string' },
  }),
} as const;
export type Subject = keyof typeof ENVIRONMENTS;

/** A host as conditions see it; what is not known is an empty text. */
export interface HostSubject {
  name: string;
  app: string;
  application: string;
  env: string;
  environment: string;
  tags: readonly string[];
  attributes: Readonly<Record<string, unknown>>;
  cluster: string;
  tiers: readonly string[];
  components: readonly string[];
  products: readonly string[];
  /** The attribute `role`; without one, the only tier of its components; else empty. */
  role: string;
  /** `active`, `standby` or empty. */
  clusterRole?: string;
}

/** A release or package of a bundle as conditions see it. */
export interface PatchSubject {
  kind: 'release' | 'package';
  name: string;
  version: string;
  /** Empty where the bundle does not say. */
  architecture: string;
}

/** What conditions are asked about. */
export interface Values {
  host?: HostSubject;
  facts?: Readonly<Record<string, unknown>>;
  patch?: PatchSubject;
}

export interface Condition {
  text: string;
  /** The error says why there is no answer. */
  holds(values: Values): Result<boolean, string>;
}

/** An expression that gives a number of 0 or more. */
export interface Count {
  text: string;
  of(values: Values): Result<number, string>;
}

/** What is wrong with a condition, and at which character of it. */
export interface ConditionError {
  message: string;
  offset: number;
}

export function parseCondition(text: string, subject: Subject): Result<Condition, ConditionError> {
  const parsed = parseExpression(text, subject, ['bool'], 'a condition must give true or false');
  if (!parsed.ok) return parsed;
  return ok({
    text,
    holds: values => {
      const answer = parsed.value(values);
      if (!answer.ok || typeof answer.value === 'boolean') return answer as Result<boolean, string>;
      return err(`it gives ${typeof answer.value}, not true or false`);
    },
  });
}

export function parseCount(text: string, subject: Subject): Result<Count, ConditionError> {
  const parsed = parseExpression(
    text,
    subject,
    ['int', 'double'],
    'a number is needed here, like size(facts.pg.roles)',
  );
  if (!parsed.ok) return parsed;
  return ok({
    text,
    of: values => {
      const answer = parsed.value(values);
      if (!answer.ok) return answer;
      const number = typeof answer.value === 'bigint' ? Number(answer.value) : answer.value;
      return typeof number === 'number' && number >= 0 ? ok(number) : err(`it gives ${String(number)}, not a number`);
    },
  });
}

function parseExpression(
  text: string,
  subject: Subject,
  types: readonly string[],
  expected: string,
): Result<(values: Values) => Result<unknown, string>, ConditionError> {
  if (text.trim() === '')
    return err({
      message:
        'the condition is empty: an empty one never means all; write one, such as host.app == "orders", or true for every host',
      offset: 0,
    });
  let parsed: ReturnType<Environment['parse']>;
  try {
    parsed = ENVIRONMENTS[subject].parse(text);
  } catch (error) {
    return err(conditionError(error as ParseError));
  }
  const check = parsed.check();
  if (!check.valid) return err(conditionError(check.error as ParseError));
  if (check.type !== undefined && ![...types, 'dyn'].includes(check.type))
    return err({ message: `this gives ${check.type}, and ${expected}`, offset: 0 });
  return ok(values => {
    try {
      return ok(parsed(celValues(values)));
    } catch (error) {
      return err((error as EvaluationError).summary ?? (error as Error).message);
    }
  });
}

/**
 * Whether a member is the active one, by the header's `activeWhen` over its facts; null where the facts give no answer.
 * The run asks the same question before it touches the cluster.
 */
export function isActive(activeWhen: string, facts: Readonly<Record<string, unknown>>): boolean | null {
  const condition = parseCondition(activeWhen, 'facts');
  const answer = condition.ok ? condition.value.holds({ facts }) : condition;
  return answer.ok ? answer.value : null;
}

function conditionError(error: ParseError): ConditionError {
  return { message: `this is no valid condition: ${error.summary ?? error.message}`, offset: error.range?.start ?? 0 };
}

/** Facts and attributes as CEL has them: conditions ask about the same hosts again and again. */
const converted = new WeakMap<object, unknown>();

function convertedOnce(value: object): unknown {
  const known = converted.get(value);
  if (known !== undefined) return known;
  const found = toCel(value);
  converted.set(value, found);
  return found;
}

/** Of a host only the attributes hold anything but texts. */
const celValues = ({ host, facts, patch }: Values): Record<string, unknown> => ({
  ...(host && { host: { ...host, attributes: convertedOnce(host.attributes) } }),
  ...(facts && { facts: convertedOnce(facts) }),
  ...(patch && { patch }),
});

/** Whole numbers of JSON are CEL's `int`, so that `facts.cpus + 1 == 5` means what it says. */
function toCel(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toCel);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toCel(member)]));
  return value;
}
