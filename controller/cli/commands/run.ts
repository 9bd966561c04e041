import type { Command } from 'commander';
import type { RunEvent, RunSummary } from '../../api/contract/runs.ts';
import { MAX_WAIT_SECONDS } from '../../api/contract/runs.ts';
import type { Client } from '../../client/client.ts';
import type { AddCommand, Cli } from '../cli.ts';
import { countOption, type PrintingOptions, prints, type TalkingOptions, talks } from '../options.ts';
import { paintFor } from '../output/colour.ts';
import { type Format, printListing, printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { withClient } from '../session.ts';
import { eventLine, eventObject } from '../views/event.ts';
import { runsListing } from '../views/listings.ts';
import { runDetailLines } from '../views/things.ts';
import { type WatchOptions, watchOptions, watchRun } from '../watch.ts';
import { addRunAmend } from './run-amend.ts';
import { addRunGates } from './run-gates.ts';
import { addRunOutput } from './run-output.ts';

/** `run list|show|watch|events|output|retry|skip|done|undo|approve|signal|pause|resume|stop`. */
export const addRun: AddCommand = (program, cli) => {
  const { io, finish } = cli;
  const run = program.command('run').description('plans that are or were carried out');
  prints(talks(run.command('list').description('list runs, newest first'))).action(async (options: PrintingOptions) => {
    const { runs } = await withClient(io, options, client => client.listRuns());
    printListing(io, options.output, runsListing(runs));
  });
  prints(
    talks(run.command('show').description('show a run with every host and job').argument('<run>', 'like r12')),
  ).action(async (id: string, options: PrintingOptions) => {
    const view = await withClient(io, options, client => client.getRun({ params: { run: id } }));
    printOne(io, options.output, view, view.id, () => runDetailLines(view, { paint: paintFor(io) }));
  });
  watchOptions(talks(run.command('watch').description('follow a run to its end').argument('<run>', 'like r12'))).action(
    async (id: string, options: TalkingOptions & WatchOptions) => {
      finish(await withClient(io, options, client => watchRun(io, client, id, options)));
    },
  );
  prints(
    talks(
      run
        .command('events')
        .description('print what happened, oldest first; -o jsonl is the format for programs')
        .argument('<run>', 'like r12')
        .option('--after <id>', 'begin after the event with this number', countOption, 0)
        .option('-f, --follow', 'go on until the run has ended'),
    ),
  ).action(async (id: string, options: PrintingOptions & { after: number; follow?: true }) => {
    await withClient(io, options, client => printEvents(cli, client, id, options));
  });
  addRunOutput(run, cli);
  addRunAmend(run, cli);
  addRunGates(run, cli);
  addDecision(run, cli, 'pause', 'release nothing more; what is released finishes', (client, request) =>
    client.pauseRun(request),
  );
  addDecision(run, cli, 'resume', 'go on after a pause', (client, request) => client.resumeRun(request));
  addDecision(
    run,
    cli,
    'stop',
    'start no further host; what has begun comes to its end',
    (client, { body, params }, { undo = false }) => client.stopRun({ params, body: { ...body, undo } }),
  ).option(
    '--undo',
    'take back what the run has done and what is under way: half done hosts first, then those of the last wave',
  );
};

type DecisionOptions = PrintingOptions & { reason?: string; undo?: true };
type Decide = (
  client: Client,
  request: { params: { run: string }; body: { reason: string } },
  options: DecisionOptions,
) => Promise<RunSummary>;

function addDecision(run: Command, { io }: Cli, name: string, description: string, decide: Decide): Command {
  return prints(
    talks(
      run
        .command(name)
        .description(description)
        .argument('<run>', 'like r12')
        .option('--reason <text>', 'why: it is kept in the audit log'),
    ),
  ).action(async (id: string, options: DecisionOptions) => {
    const after = await withClient(io, options, client =>
      decide(client, { params: { run: id }, body: { reason: options.reason ?? '' } }, options),
    );
    printOne(io, options.output, after, after.id, () => [
      `Run ${plain(after.id)} is ${after.state}${after.reason ? `: ${plain(after.reason)}` : ''}`,
    ]);
  });
}

async function printEvents(
  { io }: Cli,
  client: Client,
  run: string,
  options: { after: number; follow?: true; output: Format },
): Promise<void> {
  const all: RunEvent[] = [];
  let after = options.after;
  for (;;) {
    const page = await client.listRunEvents({
      params: { run },
      query: { after, limit: 1_000, wait: options.follow ? MAX_WAIT_SECONDS : 0 },
    });
    // Lines can be printed as they come; a JSON or YAML document has to wait for its end.
    if (options.output === 'json' || options.output === 'yaml') all.push(...page.events);
    else for (const event of page.events) io.out(`${eventText(event, options.output)}\n`);
    after = page.next;
    const over = options.follow ? page.ended && page.events.length === 0 : page.events.length === 0;
    if (over) break;
  }
  if (options.output === 'json' || options.output === 'yaml')
    printOne(io, options.output, all.map(eventObject), run, () => []);
}

function eventText(event: RunEvent, format: Format): string {
  if (format === 'jsonl') return JSON.stringify(eventObject(event));
  return format === 'name' ? String(event.id) : eventLine(event);
}
