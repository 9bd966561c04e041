import { type Executor, StepFailed } from './executor.ts';

/**
 * Ends without success at once, so that the order halts there with nothing running. What lets it go on is a person's
 * signed word on this job, which this server checks by itself.
 */
export const manualTask: Executor<'manual/task'> = ({ instructions, who, evidence }, context) => {
  context.output(Buffer.from(`${instructions.trimEnd()}\n`, 'utf8'));
  const proof = evidence === null ? '' : `; the sign-off must name ${evidence}`;
  throw new StepFailed(`waits for ${who} to do this and sign it off: ${instructions.trim()}${proof}`, {
    waitsFor: who,
    evidence,
  });
};
