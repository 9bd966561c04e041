import { OsPackageProblem } from '../platform/os-package.ts';
import { findOsPackages } from '../platform/os-packages-of.ts';
import type { Executor } from './executor.ts';
import { StepFailed } from './executor.ts';
import { untilGood } from './until-good.ts';

/** Whether the server's packages are in a state from which they can be changed. A lock is waited for, the rest does not mend itself. */
export const checkPending: Executor<'check/pending'> = ({ held: heldAre, withinMs }, context) => {
  const packages = findOsPackages(context.place, context.clock);
  if (!packages)
    throw new StepFailed(`no package manager that is known here looks after ${context.root}; leave this step out`);
  return untilGood(`the packages of ${packages.manager}`, withinMs, context, async () => {
    try {
      const { interrupted, broken, lockedBy } = await packages.pending();
      const held = (await packages.installed()).filter(each => each.held).map(({ name }) => name);
      const problems = [
        ...(interrupted ? ['a change of packages was cut off before its end'] : []),
        ...broken.map(({ name, state }) => `${name} is ${state}`),
        ...(lockedBy ? [`${lockedBy.name} (process ${lockedBy.pid}) works with them`] : []),
        ...(heldAre === 'refuse' ? held.map(name => `${name} is held`) : []),
      ];
      const facts = { manager: packages.manager, interrupted, broken, held, lockedBy };
      if (problems.length > 0)
        return { good: false, saw: `are not ready for a change: ${problems.slice(0, 8).join('; ')}`, facts };
      return { good: true, saw: `are ready for a change${held.length > 0 ? `; held: ${held.join(', ')}` : ''}`, facts };
    } catch (error) {
      if (error instanceof OsPackageProblem) return { good: false, saw: error.message, facts: error.facts };
      throw error;
    }
  });
};
