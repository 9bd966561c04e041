import type { Command } from 'commander';
import type { JobOutput, RunView } from '../../api/contract/runs.ts';
import type { Cli } from '../cli.ts';
import { CliError, Exit, usageError } from '../exit.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printOne } from '../output/format.ts';
import { plain, plainLines } from '../output/sanitise.ts';
import { withClient } from '../session.ts';

/** `run output`: what a job printed. */
export function addRunOutput(run: Command, { io }: Cli): void {
  prints(
    talks(
      run
        .command('output')
        .alias('log')
        .description('print what a job wrote: its beginning and its end')
        .argument('<run>', 'like r12')
        .argument('<host>', 'name of the host')
        .argument('<job>', 'its name, like patch:orders-web, or its number in "run show"')
        .option('--undo', 'of the job that took it back'),
    ),
  ).action(async (id: string, host: string, job: string, options: PrintingOptions & { undo?: true }) => {
    const output = await withClient(io, options, async client => {
      const position = positionOf(await client.getRun({ params: { run: id } }), host, job);
      return client.getJob({
        params: { run: id, host, position },
        query: { direction: options.undo ? 'undo' : 'forward' },
      });
    });
    printOne(io, options.output, output, output.job, () => outputLines(output));
    if (output.size === null || output.size === 0) io.err('The job wrote nothing.\n');
  });
}

function positionOf(view: RunView, host: string, job: string): number {
  const found = view.hosts.find(one => one.host === host);
  if (!found) throw new CliError(Exit.error, `run ${view.id} has no host ${plain(host)}`);
  if (/^\d+$/.test(job)) return Math.max(0, Number(job) - 1);
  const jobs = found.jobs.filter(one => one.job === job || one.step === job);
  const positions = new Set(jobs.map(one => one.position));
  const [position] = positions;
  if (position === undefined || positions.size > 1) {
    const known = [...new Set((positions.size > 1 ? jobs : found.jobs).map(one => plain(one.job)))].join(', ');
    throw usageError(`${plain(job)} is not one job of ${plain(host)}: there are ${known}`);
  }
  return position;
}

/** Head and tail as text, with what is missing between them said. */
export function outputLines(output: JobOutput): string[] {
  const head = Buffer.from(output.head, 'base64');
  const tail = Buffer.from(output.tail, 'base64');
  const size = output.size ?? 0;
  const missing = size - head.length - tail.length;
  // Short outputs: head and tail overlap, or the tail is the same bytes again.
  const rest = missing < 0 ? tail.subarray(Math.min(tail.length, -missing)) : tail;
  const text = (bytes: Buffer) => plainLines(bytes.toString('utf8')).replace(/\n$/, '').split('\n');
  if (missing <= 0) return size === 0 ? [] : text(Buffer.concat([head, rest]));
  return [...text(head), `… ${missing} bytes are not kept; the whole had digest ${output.digest} …`, ...text(tail)];
}
