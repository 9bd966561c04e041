import { Command, InvalidArgumentError } from 'commander';
import { takeDown } from '../lab.ts';
import { cannotHaveLab } from '../machine.ts';
import { labPlaces } from '../places.ts';
import { FEWEST_HOSTS } from './estate.ts';
import { greatNight, startEstate } from './night.ts';
import { isWell, reportLines } from './report.ts';

/* `npm run lab:night -- --hosts N [--keep]` */

const LAB = 'night';

const { hosts, keep } = new Command('npm run lab:night --')
  .description('Patches so many real servers in one night, on this machine, and says how it went.')
  .option('--hosts <n>', 'how many', countOption, FEWEST_HOSTS)
  .option('--keep', 'leave the servers running; "npm run lab -- --lab night down" takes them away')
  .parse()
  .opts<{ hosts: number; keep?: true }>();

const problem = cannotHaveLab();
if (problem !== null) {
  console.error(problem);
  process.exit(1);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => void takeDown(labPlaces(LAB)).finally(() => process.exit(130)));

const begun = performance.now();
const say = (line: string) => console.error(line);
const fleet = await startEstate({ hosts, id: LAB, kept: keep === true, say });
try {
  const night = await greatNight(fleet, begun, say);
  for (const line of reportLines(night)) console.log(line);
  process.exitCode = isWell(night) ? 0 : 1;
} finally {
  if (!keep) await fleet.down();
}
// What was started goes on where it is kept; nothing here waits for it.
process.exit();

function countOption(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < FEWEST_HOSTS || count > 1000)
    throw new InvalidArgumentError(`it must be a count of hosts, ${FEWEST_HOSTS} to 1000`);
  return count;
}
