import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { arch, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';

/*
 * `npm run bench:step`: the processor time of a step's process, with all that it starts, against a Node that does nothing.
 * The least of several rounds counts: what others do on the machine only adds to it. With `--against`, another build of
 * the agent in turn.
 */

const BUILT = join(import.meta.dirname, '../../dist/tidemark-agent.mjs');
/** As the executor starts it. */
const NODE = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=1',
  '--heap-growing-percent=20',
  '--no-memory-protection-keys',
];

interface Options {
  rounds: number;
  against?: string;
}

const profile = {
  name: 'bench',
  version: 1,
  roots: [{ path: '/etc/apt', plane: 'software' }],
  ignore: [],
  expect: [],
};
const WORK = {
  'one command (/bin/true)': {
    work: 'call',
    call: { kind: 'command/run', args: { command: ['/bin/true'], expectStatus: [0] } },
  },
  'facts of this machine': { work: 'facts' },
  'scan of /etc/apt': { work: 'call', call: { kind: 'scan/run', args: { profile } } },
} as const;

interface Spent {
  processor: number;
  clock: number;
}

function main({ rounds, against }: Options): void {
  const base = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
  const agents = [['this build', BUILT] as const, ...(against === undefined ? [] : [[against, against] as const])];
  const measured = new Map<string, Spent[]>();
  const add = (name: string, spent: Spent) => measured.set(name, [...(measured.get(name) ?? []), spent]);
  try {
    const empty = join(base, 'empty.mjs');
    writeFileSync(empty, 'process.exit(0);\n');
    // One more, which fills caches and does not count.
    for (let round = 0; round <= rounds; round++) {
      const spent: [string, Spent][] = [['Node that does nothing', timed([...NODE, empty])]];
      for (const [at, [, agent]] of agents.entries()) {
        for (const [what, work] of Object.entries(WORK))
          spent.push([nameOf(what, at), step(join(base, String(at)), round, agent, work)]);
      }
      if (round > 0) for (const [name, each] of spent) add(name, each);
    }
    console.log('processor time (user and system, of the process and all that it started), milliseconds');
    for (const [name, all] of measured) {
      const of = (pick: (spent: Spent) => number) => all.map(pick).toSorted((a, b) => a - b);
      const [processor, clock] = [of(each => each.processor), of(each => each.clock)];
      console.log(
        `${name.padEnd(48)} least ${show(processor[0])}, median ${show(processor[processor.length >> 1])}; on the clock least ${show(clock[0])}`,
      );
    }
    console.log(
      `${rounds} rounds on ${cpus().length} x ${cpus()[0]?.model ?? arch()}, load ${(loadavg()[0] ?? 0).toFixed(1)}, ${new Date().toISOString().slice(0, 10)}`,
    );
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
  function nameOf(what: string, at: number): string {
    return at === 0 ? what : `${what}, the other build`;
  }
}

/** One step in a session of its own, in a state directory that all steps of one build share. */
function step(state: string, round: number, agent: string, work: object): Spent {
  const directory = join(state, 'steps', `${round}`);
  mkdirSync(directory, { recursive: true });
  const common = { root: '/', stateDir: state, factsDir: '/nonexistent', timeoutMs: 600_000, graceMs: 1_000 };
  const input = { ...work, ...common };
  writeFileSync(join(directory, 'call.json'), JSON.stringify(input));
  const spent = timed(['setsid', '--wait', ...NODE, agent, 'step', directory]);
  const { outcome, message } = JSON.parse(readFileSync(join(directory, 'result.json'), 'utf8')) as {
    outcome: string;
    message: string;
  };
  if (outcome !== 'succeeded') throw new Error(`the step failed: ${message}`);
  rmSync(directory, { recursive: true });
  return spent;
}

function timed(argv: readonly string[]): Spent {
  // A step that looks at the server ends itself by a signal.
  const script = 'TIMEFORMAT="%U %S %R"; time "$@" >/dev/null 2>&1 </dev/null';
  const { stderr } = spawnSync('bash', ['-c', script, 'bash', ...argv], { encoding: 'utf8' });
  const [user = Number.NaN, system = Number.NaN, clock = Number.NaN] =
    stderr.trim().split('\n').at(-1)?.split(' ').map(Number) ?? [];
  return { processor: 1000 * (user + system), clock: 1000 * clock };
}

const show = (milliseconds: number | undefined): string => (milliseconds ?? Number.NaN).toFixed(0);

function counted(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('it must be a whole number from 1 on');
  return count;
}

new Command('npm run bench:step --')
  .option('--rounds <n>', 'how often each', counted, 10)
  .option('--against <file>', 'another build of the agent: its tidemark-agent.mjs')
  .action(main)
  .parse();
