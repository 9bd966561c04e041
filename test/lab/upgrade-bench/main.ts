import { Command, InvalidArgumentError } from 'commander';
import { cannotHaveLab } from '../machine.ts';
import { UpgradeLab } from './hosts.ts';
import { type Round, reportLines, SIDES } from './report.ts';

/* `npm run bench:upgrade`: what the agent adds to an upgrade of real packages, against apt alone on equal hosts. */

const { rounds } = new Command('npm run bench:upgrade --')
  .description('Upgrades equal fresh servers by apt alone and by the agent in turn, and says what the agent adds.')
  .option('--rounds <n>', 'how often each side, the median counts', counted, 5)
  .parse()
  .opts<{ rounds: number }>();

const problem = cannotHaveLab();
if (problem !== null) {
  console.error(problem);
  process.exit(1);
}

const lab = await UpgradeLab.start(rounds * SIDES.length, line => console.error(line));
try {
  const done: Round[] = [];
  for (let number = 1; number <= rounds; number++) {
    const round = await lab.round(number);
    done.push(round);
    console.error(SIDES.map(side => `${side} ${round[side].seconds.toFixed(2)} s`).join(', '));
  }
  const { lines, good } = reportLines(done, lab.packages);
  for (const line of lines) console.log(line);
  process.exitCode = good ? 0 : 1;
} finally {
  await lab.down();
}

function counted(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 20)
    throw new InvalidArgumentError('it must be a whole number from 1 to 20');
  return count;
}
