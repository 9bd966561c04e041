import { writeFileSync } from 'node:fs';
import { eventObject } from '@tidemark/controller/cli/views/event.ts';
import { type NightResult, playNight } from './night.ts';
import { commandFor, readOptions, type SimulateOptions, USAGE } from './options.ts';

/*
 * `npm run simulate`: plays nights and says what happened. Ends with 1 where a night broke a rule, 2 where the command is
 * wrong.
 */

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function options(): SimulateOptions {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}\n`);
    process.exit(2);
  }
}

const wanted = options();
const begun = process.cpuUsage();
// Loaded only where it is wanted: loading it takes as long as a quarter of a night.
const databases = wanted.postgres ? await (await import('./store/postgres.ts')).startNightDatabases() : null;
let bad = 0;
for (let seed = wanted.seed; seed < wanted.seed + wanted.seeds; seed++) {
  if (await play(seed)) continue;
  bad++;
  if (wanted.first) break;
}
await databases?.stop();
if (wanted.seeds > 1 && !wanted.json) {
  const { user, system } = process.cpuUsage(begun);
  const perSeed = (user + system) / 1e6 / wanted.seeds;
  say(`${wanted.seeds} nights, ${bad} with a rule broken; ${perSeed.toFixed(2)} s of one core each`);
}
process.exitCode = bad > 0 ? 1 : 0;

async function play(seed: number): Promise<boolean> {
  try {
    const night = { ...wanted, seed };
    const result = await (databases ? databases.within(makeTwin => playNight(night, makeTwin)) : playNight(night));
    tell(result);
    if (wanted.events !== null) writeFileSync(wanted.events, eventLines(result));
    return result.violations.length === 0;
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (wanted.json) say(JSON.stringify({ seed, error: message, replay: commandFor(wanted, seed) }));
    else say(`seed ${seed}: ${message}\n  again with: ${commandFor(wanted, seed)}`);
    return false;
  }
}

function tell(result: NightResult): void {
  const { events: _, plan: __, run: ___, ...told } = result;
  if (wanted.json) {
    say(JSON.stringify({ ...told, replay: commandFor(wanted, result.seed) }));
    return;
  }
  const { seed, state, makespanMs, patched, takenBack, untouched, leftAlone, halfDone, violations } = result;
  const counts = [`${patched} patched`, `${takenBack} taken back`, `${leftAlone} left before anything was touched`];
  say(
    `seed ${seed}: ${state} after ${Math.round(makespanMs / 60_000)} min; ${counts.join(', ')}, ${untouched} never begun, ${halfDone.length} half done`,
  );
  if (halfDone.length > 0) say(`  half done: ${halfDone.join(', ')}`);
  for (const { property, at, message } of violations)
    say(`  BROKEN ${property}, at ${new Date(at).toISOString()}: ${message}`);
  if (violations.length > 0) say(`  again with: ${commandFor(wanted, seed)}`);
}

/** As a real run's, by the very function that prints those. */
function eventLines({ events, run }: NightResult): string {
  return events
    .map((event, index) => {
      const told = { ...event, id: index + 1, run, at: new Date(event.at).toISOString() };
      return `${JSON.stringify(eventObject(told as Parameters<typeof eventObject>[0]))}\n`;
    })
    .join('');
}
