import { randomBytes } from 'node:crypto';
import { arch, cpus } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { cannotHaveLab } from './machine.ts';
import { describeCut, planCut } from './power-cuts.ts';
import { PowerLab } from './power-hosts.ts';

/* `npm run lab:powercuts -- --count 200 --seed S`: upgrades of real packages whose power goes at random moments. */

interface Options {
  count: number;
  first: number;
  seed: string;
  hosts: number;
}

const program = new Command('npm run lab:powercuts --')
  .description('Cuts the power of real hosts in the middle of upgrades and looks at what became of them.')
  .option('--count <n>', 'how many cuts', counted, 10)
  .option('--first <n>', 'the number of the first cut: with --count 1 it replays one of a seed', counted, 0)
  .option('--seed <text>', 'what the moments are drawn from', randomBytes(4).toString('hex'))
  .option('--hosts <n>', 'as many at the same time', counted, 4)
  .action(main);

const problem = cannotHaveLab();
if (problem !== null) {
  console.error(problem);
  process.exit(1);
}
await program.parseAsync();

async function main({ count, first, seed, hosts }: Options): Promise<void> {
  const begun = performance.now();
  const last = first + count;
  const lab = await PowerLab.start(Math.min(hosts, count), console.log);
  let [done, bad] = [0, 0];
  try {
    for (let at = first; at < last; at += hosts) {
      const cuts = Array.from({ length: Math.min(hosts, last - at) }, (_, index) => planCut(seed, at + index));
      for (const { cut, reached, findings } of await lab.cutAll(cuts)) {
        console.log(`${findings.length === 0 ? 'ok  ' : 'FAIL'} ${describeCut(cut)} (dpkg's log at ${reached})`);
        done += 1;
        if (findings.length === 0) continue;
        bad += 1;
        console.log(`${findings.map(each => `     ${each}\n`).join('')}     ${replay(seed, cut.number)}`);
      }
    }
  } catch (error) {
    // A host that is not well may hinder those that come after it: they are not done rather than done wrongly.
    console.error(`seed ${seed}, after ${done} cuts: ${(error as Error).message}`);
    bad += 1;
  } finally {
    await lab.fleet.down();
  }
  const seconds = Math.round((performance.now() - begun) / 1000);
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? arch()}`;
  console.log(
    `${done} of ${count} power cuts from ${first}, seed ${seed}, ${hosts} hosts at once, ${bad} with findings; ${seconds} s on ${machine}, ${new Date().toISOString().slice(0, 10)}`,
  );
  process.exitCode = bad > 0 ? 1 : 0;
}

function replay(seed: string, number: number): string {
  return `again: npm run lab:powercuts -- --seed ${seed} --first ${number} --count 1`;
}

function counted(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0) throw new InvalidArgumentError('it must be a number from 0 on');
  return count;
}
