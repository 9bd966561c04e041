import { type Executor, StepFailed } from './executor.ts';
import { untilGood } from './until-good.ts';

/** Of one value that a condition names, for people. */
const MAX_SHOWN = 200;

/** Some MB, and only for this. */
export const loadConditions = () => import('@tidemark/shared/conditions/facts.ts');

/** Collects what the condition names, and nothing else that costs something, anew for every look. */
export const checkFacts: Executor<'check/facts'> = async ({ condition, withinMs }, context) => {
  const { factsNamedIn, parseFactsCondition } = await loadConditions();
  const parsed = parseFactsCondition(condition);
  if (!parsed.ok)
    throw new StepFailed(`${condition} cannot be read: ${parsed.error.message}; correct the policy and plan anew`);
  const named = factsNamedIn(condition);
  return untilGood(condition, withinMs, context, async () => {
    const facts = await context.collectFacts(named?.map(([name = '']) => name) ?? null);
    const answer = parsed.value(facts);
    const values = Object.fromEntries((named ?? []).map(path => [path.join('.'), shown(valueAt(facts, path))]));
    const saw = Object.entries(values).map(([path, value]) => `facts.${path} is ${value}`);
    const because = saw.length > 0 ? `: ${saw.join(', ')}` : '';
    const found = { condition, values };
    if (!answer.ok) return { good: false, saw: `has no answer: ${answer.error}${because}`, facts: found };
    return { good: answer.value, saw: `is ${answer.value}${because}`, facts: found };
  });
};

function valueAt(facts: Readonly<Record<string, unknown>>, path: readonly string[]): unknown {
  let value: unknown = facts;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}
