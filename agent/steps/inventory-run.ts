import { putJson, stepFile } from './directory.ts';
import { type Executor, report } from './executor.ts';

/** Leaves the facts in the step's directory, for the executor to send; the report says what is in them. */
export const inventoryRun: Executor<'inventory/run'> = async (_, context) => {
  const facts = await context.collectFacts(null);
  const atMs = context.clock.now();
  putJson(stepFile.facts(context.directory), { atMs, facts });
  const errors = Array.isArray(facts['errors']) ? facts['errors'].map(String) : [];
  const names = Object.keys(facts).filter(name => !['errors', 'sealingKey', 'secretKey'].includes(name));
  const missing = errors.length > 0 ? `; could not find out: ${errors.slice(0, 4).join('; ')}` : '';
  return report(`collected ${names.join(', ')}${missing}`, { atMs, names, errors });
};
