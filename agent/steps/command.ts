import { describeArgv, describeEnd, runCommand } from '../platform/command.ts';
import { type Executor, report, StepFailed } from './executor.ts';

export const commandRun: Executor<'command/run'> = async ({ command, expectStatus }, context) => {
  const end = await runCommand(command, context.place);
  const facts = { status: end.status, signal: end.signal };
  if (end.status === null || !expectStatus.includes(end.status)) {
    throw new StepFailed(
      `${describeArgv(command)} failed: ${describeEnd(end)} (expected: ${expectStatus.join(', ')})`,
      facts,
    );
  }
  return report(`${describeArgv(command)} ended with ${describeEnd(end)}`, facts);
};

/** The text is one argument of the server's own shell; nothing is put into it on the way. */
export const commandShell: Executor<'command/shell'> = async ({ script, expectStatus }, context) => {
  const end = await runCommand(['/bin/sh', '-c', script], context.place);
  const facts = { status: end.status, signal: end.signal };
  const what = `the script ${JSON.stringify(shortened(script))}`;
  if (end.status === null || !expectStatus.includes(end.status))
    throw new StepFailed(`${what} failed: ${describeEnd(end)} (expected: ${expectStatus.join(', ')})`, facts);
  return report(`${what} ended with ${describeEnd(end)}`, facts);
};

const SHOWN_CHARACTERS = 80;

function shortened(script: string): string {
  const [line = ''] = script.trim().split('\n');
  const rest = script.trim().length > line.length || line.length > SHOWN_CHARACTERS;
  return `${line.slice(0, SHOWN_CHARACTERS)}${rest ? '...' : ''}`;
}
