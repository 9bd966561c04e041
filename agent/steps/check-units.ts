import { listUnits, unitStates } from '../platform/units.ts';
import type { Executor } from './executor.ts';
import { untilGood } from './until-good.ts';

export const checkUnits: Executor<'check/units'> = (args, context) =>
  untilGood('the units', args.withinMs, context, async () => {
    const failed = args.noneFailed
      ? (await listUnits({ states: 'failed' }, context.place)).filter(unit => !args.ignore.includes(unit))
      : [];
    const notActive = (await unitStates(args.active, context.place)).filter(({ active }) => active !== 'active');
    const problems = [
      ...failed.map(unit => `${unit} has failed`),
      ...notActive.map(({ unit, load, active, sub }) =>
        load === 'not-found' ? `there is no ${unit}` : `${unit} is ${active} (${sub})`,
      ),
    ];
    const facts = { failed, notActive };
    if (problems.length > 0)
      return { good: false, saw: `are not as they must be: ${problems.join('; ')}; see systemctl status`, facts };
    const what = [
      ...(args.noneFailed ? ['none has failed'] : []),
      ...(args.active.length > 0 ? [`${args.active.join(', ')} active`] : []),
    ];
    return { good: true, saw: `are as they must be: ${what.join(', ')}`, facts };
  });
