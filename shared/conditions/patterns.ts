import type { Environment } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import { nodesIn } from './names.ts';

/*
 * CEL says that patterns are those of RE2, which take linear time. The library evaluates them as JavaScript's, where one like
 * `(a+)+$` takes for ever; so `matches` is replaced, before it is evaluated, by a function of ours. It has as many letters, so
 * that every place in the text stays where it is.
 */
export const PATTERN_FUNCTION = 're2test';

/** Longer ones are no patterns that somebody wrote. */
const MAX_PATTERN = 1_000;
const MAX_COMPILED = 200;

export function registerPatterns(environment: Environment): void {
  const compiled = new Map<string, RE2JS>();
  environment.registerFunction(`string.${PATTERN_FUNCTION}(string): bool`, (text: string, pattern: string) => {
    if (pattern.length > MAX_PATTERN) throw new Error(`the pattern is longer than ${MAX_PATTERN} characters`);
    let known = compiled.get(pattern);
    if (!known) {
      known = RE2JS.compile(pattern);
      if (compiled.size >= MAX_COMPILED) compiled.clear();
      compiled.set(pattern, known);
    }
    return known.matcher(text).find();
  });
}

/** The text with every call of `matches` as one of ours. Throws what the parser throws. */
export function withLinearPatterns(environment: Environment, text: string): string {
  if (!text.includes('matches')) return text;
  let changed = text;
  for (const node of nodesIn(environment.parse(text).ast)) {
    if (node.op !== 'rcall' || node.args[0] !== 'matches') continue;
    const at = text.indexOf('matches', node.args[1].end);
    changed = changed.slice(0, at) + PATTERN_FUNCTION + changed.slice(at + PATTERN_FUNCTION.length);
  }
  // A remark between the dot and the name could have been taken for it.
  for (const node of nodesIn(environment.parse(changed).ast))
    if (node.op === 'rcall' && node.args[0] === 'matches') throw new Error('write matches directly after its dot');
  return changed;
}
