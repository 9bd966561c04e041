import { attach, createSessionLauncher } from '@tidemark/agent/executor/launch.ts';
import { createUnitLauncher } from '@tidemark/agent/executor/launch-unit.ts';
import { readInput } from '@tidemark/agent/steps/directory.ts';

/*
 * An executor that does nothing but launch one step, or take one up: launch-driver MODE DIRECTORY COMMAND, where MODE is
 * `session`, `unit` or `attach` and COMMAND, as JSON, is how the agent is started. Says `over` when the step is.
 */

const LOOK_MS = 50;
const [mode = '', directory = '', command = '[]'] = process.argv.slice(2);
const input = await readInput(directory);
const agent = JSON.parse(command) as [string, ...string[]];
const quiet = () => undefined;
const launcher = mode === 'unit' ? createUnitLauncher(agent, 252) : createSessionLauncher(agent);
const child = mode === 'attach' ? attach(directory, input) : launcher.launch(directory, input, quiet);
process.stdout.write(`pid ${process.pid}\n`);
const timer = setInterval(() => {
  if (!child.look()) return;
  clearInterval(timer);
  process.stdout.write('over\n');
}, LOOK_MS);
