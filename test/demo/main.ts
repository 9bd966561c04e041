import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { endLeftovers } from './leftovers.ts';
import { choosePlaces, makePlaces, type Places } from './places.ts';
import { openRegister, type Register } from './processes.ts';
import { print, say, section } from './screen.ts';
import { howToLook, tell } from './story.ts';

/** Who ends a demo by hand gets the status that shells give for SIGINT. */
const INTERRUPTED = 130;

const args = process.argv.slice(2);
const unknown = args.filter(arg => arg !== '--keep' && arg !== '--stop');
if (unknown.length > 0) {
  console.error(`"${unknown.join(' ')}" is unknown. Use: npm run demo [-- --keep | --stop]`);
  process.exit(2);
}

const places = choosePlaces();
mkdirSync(places.base, { recursive: true, mode: 0o755 });
await endBefore(places);
if (args.includes('--stop')) process.exit(0);

rmSync(places.base, { recursive: true, force: true });
makePlaces(places);
const register = openRegister(places.processes);
register.add('demo', process.pid);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, async () => {
    print(`\n${signal}: ending what was started.`);
    await endAll(register, places);
    process.exit(INTERRUPTED);
  });
}

try {
  const summary = await tell(places, register);
  if (args.includes('--keep')) {
    section('Done, and all of it is still up');
    for (const line of summary) say(line);
    print();
    say('to look around, in this terminal:');
    for (const line of howToLook(places)) say(line);
    process.exit(0);
  }
  await endAll(register, places);
  section('Done');
  for (const line of summary) say(line);
  say('everything that was started has ended; "npm run demo -- --keep" leaves it up to look around');
} catch (error) {
  print(`\nThe demo failed: ${(error as Error).message}`);
  print(`Logs are in ${places.logs}.`);
  if (!args.includes('--keep')) await endAll(register, places);
  process.exitCode = 1;
}

/** Ends what a demo before this one left, by kill -9 or by --keep: the recorded processes and no others. */
async function endBefore(of: Places): Promise<void> {
  if (!existsSync(of.processes)) return;
  const ended = [...(await openRegister(of.processes).endAll()), ...(await endLeftovers(of))];
  if (ended.length > 0) print(`Ended ${ended.length} processes of the demo before this one.`);
}

async function endAll(started: Register, of: Places): Promise<void> {
  await started.endAll();
  await endLeftovers(of);
}
