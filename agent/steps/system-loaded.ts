import { compileGlob } from '@tidemark/shared/fingerprint/glob.ts';
import { describeStale, findStaleCode } from '../platform/reboot-stale-code.ts';
import { type Executor, report, StepFailed } from './executor.ts';

export const checkLoaded: Executor<'check/loaded'> = async ({ ignore }, _context) => {
  const globs = ignore.map(compileGlob);
  const stale = await findStaleCode(path => globs.some(matches => matches(Buffer.from(path))));
  const { processes, total, unreadable } = stale;
  const units = [...new Set(processes.flatMap(({ unit }) => unit ?? []))];
  const facts = { total, unreadable, units, processes };
  if (total > 0) {
    throw new StepFailed(
      `${total} ${total === 1 ? 'process still runs' : 'processes still run'} code of replaced files: ` +
        `${describeStale(stale).join('; ')}; restart them, or the server`,
      facts,
    );
  }
  if (unreadable > 0) {
    throw new StepFailed(
      `${unreadable} processes could not be looked into, so nothing is known about what they run; the agent has to be root`,
      facts,
    );
  }
  return report('no process runs code of a replaced file', facts);
};
