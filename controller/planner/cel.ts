import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import {
  asBoolean,
  BOOLEAN,
  type ConditionError,
  celLanguage,
  type Evaluate,
  parseCel,
  toCel,
} from '@tidemark/shared/conditions/cel.ts';

/* What conditions of policies can speak of. How CEL is read and evaluated is in shared/conditions. */

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

const FACTS = 'map<string, dyn>';
const PLANNED_HOST = { ...HOST, clusterRole: 'string' } as const;

/** What a condition can speak of: see the README's table. */
const LANGUAGES = {
  /** What the landscape says of a host. Roles in clusters are found only after the selection. */
  host: celLanguage({ host: HOST }),
  plannedHost: celLanguage({ host: PLANNED_HOST }),
  plannedHostWithFacts: celLanguage({ host: PLANNED_HOST, facts: FACTS }),
  facts: celLanguage({ facts: FACTS }),
  /** One patch of a bundle. */
  patch: celLanguage({ patch: { kind: 'string', name: 'string', version: 'string', architecture: 'string' } }),
} as const;
export type Subject = keyof typeof LANGUAGES;

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

export function parseCondition(text: string, subject: Subject): Result<Condition, ConditionError> {
  const parsed = parseExpression(text, subject, BOOLEAN.types, BOOLEAN.expected);
  return parsed.ok ? ok({ text, holds: values => asBoolean(parsed.value(celValues(values))) }) : parsed;
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
      const answer = parsed.value(celValues(values));
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
): Result<Evaluate, ConditionError> {
  if (text.trim() === '')
    return err({
      message:
        'the condition is empty: an empty one never means all; write one, such as host.app == "orders", or true for every host',
      offset: 0,
    });
  return parseCel(LANGUAGES[subject], text, types, expected);
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
