import jsonata from 'jsonata';

/** What a mapping may take: a page of some thousand records is mapped in well under a second. */
const TIMEOUT_MS = 5_000;
/** Calls within calls. */
const MAX_DEPTH = 200;
/** Items of one sequence. */
const MAX_SEQUENCE = 1_000_000;

/**
 * The evaluator of a JSONata mapping, or why it is none. Bounded in time and depth. Without regular expressions: one that
 * backtracks without end could not be stopped (docs/decisions/0510).
 */
export function jsonataMapping(
  text: string,
  limits: { timeoutMs?: number } = {},
): (input: unknown) => Promise<unknown> {
  const expression = jsonata(text, {
    RegexEngine: NoRegExp as unknown as RegExpConstructor,
    timeout: limits.timeoutMs ?? TIMEOUT_MS,
    stack: MAX_DEPTH,
    sequence: MAX_SEQUENCE,
  });
  // Compiles other text without these limits.
  expression.registerFunction('eval', () => {
    throw new Error('$eval is not allowed in mappings');
  });
  return input => expression.evaluate(input);
}

class NoRegExp {
  constructor() {
    throw new Error(
      'regular expressions are not allowed in mappings: use $contains, $split and $substringBefore with texts',
    );
  }
}
