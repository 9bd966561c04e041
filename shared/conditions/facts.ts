import { err, ok, type Result } from '../base/result.ts';
import { asBoolean, BOOLEAN, type ConditionError, celLanguage, parseCel, toCel } from './cel.ts';

type Facts = Readonly<Record<string, unknown>>;

const LANGUAGE = celLanguage({ facts: 'map<string, dyn>' });

/** A condition over the facts of one host. The error of what it gives says why there is no answer. */
export function parseFactsCondition(text: string): Result<(facts: Facts) => Result<boolean, string>, ConditionError> {
  if (text.trim() === '') return err({ message: 'the condition is empty: an empty one never means true', offset: 0 });
  const parsed = parseCel(LANGUAGE, text, BOOLEAN.types, BOOLEAN.expected);
  if (!parsed.ok) return parsed;
  return ok(facts => asBoolean(parsed.value({ facts: toCel(facts) })));
}

/** `facts.kernel.running`, and what is called on it. */
const MEMBER = /\bfacts((?:\s*\.\s*[A-Za-z_]\w*)+)(\s*\()?/g;

/** The paths below `facts` that a condition names: `[['kernel', 'running']]`; null where it may look at any. */
export function factsNamedIn(text: string): string[][] | null {
  const paths: string[][] = [];
  const rest = text.replaceAll(MEMBER, (_, members: string, call: string | undefined) => {
    const path = members
      .split('.')
      .slice(1)
      .map(name => name.trim());
    // The last one is a function then, like size.
    const named = call === undefined ? path : path.slice(0, -1);
    paths.push(named);
    return ' ';
  });
  if (/\bfacts\b/.test(rest) || paths.some(path => path.length === 0)) return null;
  return paths;
}
