import { type Executor, report } from './executor.ts';

/** Leaves what it found where the executor offers it from; the report says what that is. */
export const inventoryRun: Executor<'inventory/run'> = async (_, context) => {
  const { sections, errors } = await context.lookAround();
  const names = sections.map(({ kind }) => kind).filter(name => !['errors', 'sealingKey', 'secretKey'].includes(name));
  const missing = errors.length > 0 ? `; could not find out: ${errors.slice(0, 4).join('; ')}` : '';
  return report(`collected ${names.join(', ')}${missing}`, { atMs: context.clock.now(), names, errors });
};
