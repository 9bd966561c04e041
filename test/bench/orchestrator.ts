import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { forecast } from '@tidemark/controller/forecast/forecast.ts';
import { entryFor } from '../../installers/bootstrap-checks.mjs';
import { lowerBoundMs } from '../simulation/lower-bound.ts';
import { type NightResult, playNight } from '../simulation/night.ts';
import { benchDecide } from './decide.ts';

/*
 * `npm run bench:orchestrator`: what planner, orchestrator and forecast reach, beside what they should. Processor seconds
 * where other programs run beside it would change the figure, for it is read on machines that do other things too.
 */

const HOUR = 3_600_000;
const NIGHT = { hosts: 200, clusters: 35, windowMs: 4 * HOUR, pace: 1 };
const SEEDS = [7, 8, 9];
const MANY = 60;

const row = (what: string, measured: string, wanted: string): void => {
  process.stdout.write(`${what.padEnd(66)} ${measured.padEnd(28)} ${wanted}\n`);
};

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

row('what', 'measured', 'at most (or as said)');
await makespan();
await withFaults();
nightsASecond();
await forecasts();
decisions();
compiling();

/** Every job takes exactly as long as expected, so that the bound is exact too. */
async function makespan(): Promise<void> {
  const reached: string[] = [];
  const ofWhole: string[] = [];
  for (const seed of SEEDS) {
    const night = await playNight({ ...NIGHT, seed, faults: 0, calm: true, spread: 0 });
    if (night.patched !== NIGHT.hosts) throw new Error(`seed ${seed}: ${night.reason}`);
    const bound = lowerBoundMs(night.plan, lengthsOf(night));
    reached.push((night.makespanMs / bound.divisible).toFixed(3));
    ofWhole.push((night.makespanMs / bound.whole).toFixed(3));
  }
  // Why the goal is about this bound: docs/decisions/0341-the-longest-path-begins-first.md.
  row('makespan of 200 hosts in 35 clusters over its lower bound', ofWhole.join(', '), '1.10');
  row('  the same over one in which hosts can be cut into pieces', reached.join(', '), '');
}

/** What each host's jobs took, by the events of its run. */
function lengthsOf({ events }: NightResult): (host: string) => number {
  const lengths = new Map<string, number>();
  const begun = new Map<string, number>();
  for (const { host, job, event, at } of events) {
    if (host === null || job === null) continue;
    if (event === 'started') begun.set(`${host} ${job}`, at);
    if (event === 'succeeded') lengths.set(host, (lengths.get(host) ?? 0) + at - (begun.get(`${host} ${job}`) ?? at));
  }
  return host => lengths.get(host) ?? 0;
}

async function withFaults(): Promise<void> {
  const told: string[] = [];
  for (const seed of SEEDS) {
    const night = await playNight({ ...NIGHT, seed, faults: 0.02, calm: true });
    told.push(`${NIGHT.hosts - night.halfDone.length}`);
  }
  row('with 2 % faults: hosts patched, taken back or never touched', told.join(', '), '200 (all)');
}

/**
 * By the program of `npm run simulate` itself, which says what it took. So many nights that what is compiled while the first
 * are played, and the one that takes three times as long as another, weigh what they weigh among thousands.
 */
function nightsASecond(): void {
  const { script, flags } = entryFor('simulate');
  const program = fileURLToPath(new URL(`../../${script}`, import.meta.url));
  const args = [...flags, program, '--faults', '0.02', '--seed', '1', '--seeds', `${MANY}`];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 64 << 20 });
  const [, broken, seconds] = /nights, (\d+) with a rule broken; ([\d.]+) s of one core each/.exec(stdout) ?? [];
  if (broken !== '0' || seconds === undefined) throw new Error(`the simulator: ${stdout.slice(-2000)}${stderr}`);
  const perSecond = (1 / Number(seconds)).toFixed(2);
  row(`simulated nights a second of one core, faults on, seeds 1 to ${MANY}`, perSecond, 'at least 1');
}

async function forecasts(): Promise<void> {
  const night = await playNight({ ...NIGHT, seed: 7, faults: 0, calm: true });
  const plan = { ...night.plan, orders: night.plan.orders.map(({ order }) => order) };
  await forecast(plan, { repetitions: 5 });
  const before = cpuSeconds();
  const told = await forecast(plan, { repetitions: 200 });
  row('forecast of 200 hosts, 200 repetitions', `${(cpuSeconds() - before).toFixed(1)} s`, '5 s');
  const minutes = (at: number) => `${Math.round((at - night.plan.header.window.start) / 60_000)} min`;
  const [binds] = told.binds;
  process.stdout.write(
    `  it says: ${minutes(told.end.p50)} (p50), ${minutes(told.end.p90)} (p90); ${binds ? `${binds.limit} ${binds.is} binds, ${binds.raisedTo} would end ${Math.round(binds.earlierMs / 60_000)} min earlier` : 'nothing binds'}\n`,
  );
}

function decisions(): void {
  const { p50, p99, calls } = benchDecide();
  row(
    `decide() for a run of 10,000 hosts, p99 of ${calls} (p50 ${p50.toFixed(1)} ms)`,
    `${p99.toFixed(1)} ms`,
    '50 ms',
  );
}

/** In a process of their own, so that the memory is theirs. */
function compiling(): void {
  const plan = fileURLToPath(new URL('plan.ts', import.meta.url));
  const { status } = spawnSync(process.execPath, [plan], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
