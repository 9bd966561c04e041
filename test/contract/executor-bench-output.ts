import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OUTPUT_CREDIT_BYTES } from '@tidemark/shared/protocol/limits.ts';
import { Command, InvalidArgumentError } from 'commander';
import { TestServer, until } from './executor-support.ts';

/*
 * `npm run bench:output`: what a step that writes very much adds to the memory of the agent, all its processes together:
 * the executor, which shows the output as it comes, and the step's own. Against a step that writes one KiB.
 */

const LIMIT_MB = 8;
const MB = 1e6;
const GIB = 1024 ** 3;
const LOOK_MS = 50;
const BUNDLE = fileURLToPath(new URL('../../dist/tidemark-agent.mjs', import.meta.url));

async function main({ gib, rounds }: { gib: number; rounds: number }): Promise<void> {
  const added: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const little = await peaksOf(1024);
    const much = await peaksOf(gib * GIB);
    const sum = much.executor + much.step - little.executor - little.step;
    added.push(sum);
    console.log(
      `round ${round}: executor ${mb(little.executor)} -> ${mb(much.executor)}, step ${mb(little.step)} -> ${mb(much.step)}: ${mb(sum)} more`,
    );
  }
  const median = added.toSorted((a, b) => a - b)[Math.floor(added.length / 2)] ?? Number.NaN;
  const good = median <= LIMIT_MB * MB;
  console.log(`a step that writes ${gib} GiB adds ${mb(median)} to the agent; the limit is ${LIMIT_MB} MB`);
  process.exitCode = good ? 0 : 1;
}

interface Peaks {
  executor: number;
  step: number;
}

/** The highest resident size that each process had, in bytes. */
async function peaksOf(bytes: number): Promise<Peaks> {
  const server = new TestServer({ agent: BUNDLE });
  const peaks: Peaks = { executor: 0, step: 0 };
  const look = () => {
    // As the controller does when it has taken up what came.
    server.send({ type: 'output-credit', bytes: OUTPUT_CREDIT_BYTES });
    for (const pid of stepPids(server.stateDir)) peaks.step = Math.max(peaks.step, peakBytes(pid));
  };
  let watch: NodeJS.Timeout | undefined;
  try {
    await server.start();
    watch = setInterval(look, LOOK_MS);
    // The pause at the end is for whoever looks at its peak.
    const flood = server.program('flood', `head -c ${bytes} /dev/zero`, 'sleep 0.3');
    const call = { kind: 'command/run' as const, args: { command: [flood] as [string], expectStatus: [0] } };
    const order = server.order([{ id: 'flood', call, timeoutMs: 3_600_000 }]);
    server.runAll(order);
    await until('the end', () => server.story(order).includes('finished forward'), 3_600_000);
    const { size } = server.jobReport(order, 'flood', 'succeeded').output ?? {};
    if (size !== bytes) throw new Error(`${size} bytes came of ${bytes}`);
    peaks.executor = peakBytes(server.pid);
    return peaks;
  } finally {
    clearInterval(watch);
    await server.close();
  }
}

function peakBytes(pid: number): number {
  try {
    const [, kib] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function stepPids(stateDir: string): number[] {
  const steps = join(stateDir, 'steps');
  try {
    return readdirSync(steps).flatMap(name => {
      const started = JSON.parse(readFileSync(join(steps, name, 'started.json'), 'utf8')) as {
        process: { pid: number } | null;
      };
      return started.process ? [started.process.pid] : [];
    });
  } catch {
    // Not there yet, or not any more.
    return [];
  }
}

function gib(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('it must be a whole number from 1 on');
  return count;
}

const mb = (bytes: number): string => `${(bytes / MB).toFixed(1)} MB`;

await new Command('npm run bench:output --')
  .option('--gib <n>', 'how much the step writes', gib, 10)
  .option('--rounds <n>', 'how often, the median counts', gib, 3)
  .action(main)
  .parseAsync();
