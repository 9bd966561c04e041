import { attach, createSessionLauncher } from '@tidemark/agent/executor/launch.ts';
import { createUnitLauncher } from '@tidemark/agent/executor/launch-unit.ts';
import { readInput } from '@tidemark/agent/steps/directory.ts';

/*
 * An executor that does nothing but launch one step, or take one up: launch-driver MODE DIRECTORY COMMAND [BEGIN_MS], where
 * MODE is `session`, `unit` or `attach`, COMMAND, as JSON, is how the agent is started, and BEGIN_MS the time to its first
 * line. Says `over` when the step is.
 */

const LOOK_MS = 50;
const [mode = '', directory = '', command = '[]', begin] = process.argv.slice(2);
const beginMs = begin === undefined ? undefined : Number(begin);
const input = await readInput(directory);
const agent = JSON.parse(command) as [string, ...string[]];
const quiet = () => undefined;
const launcher = mode === 'unit' ? createUnitLauncher(agent, 252, beginMs) : createSessionLauncher(agent, beginMs);
const child = mode === 'attach' ? attach(directory, input) : launcher.launch(directory, input, quiet);
process.stdout.write(`pid ${process.pid}\n`);
const timer = setInterval(() => {
  if (!child.look()) return;
  clearInterval(timer);
  process.stdout.write('over\n');
}, LOOK_MS);
