import type { Command } from 'commander';
import type { RunView } from '../api/contract/runs.ts';
import type { Client } from '../client/client.ts';
import { ClientError } from '../client/errors.ts';
import { CliError, Exit } from './exit.ts';
import type { Io } from './io.ts';
import { durationOption } from './options.ts';
import { paintFor } from './output/colour.ts';
import { changeLines, runHasEnded, runLines, waitsForPerson } from './views/run.ts';

export interface WatchOptions {
  giveUp?: number;
  waitForPeople?: boolean;
}

/** Once a second: what a person perceives as live, and nothing for the controller. */
const LOOK_MS = 1_000;
/** A run that seems to wait for a person must seem so for some looks: between two ticks it may look like it too. */
const LOOKS_UNTIL_WAITING = 5;

export const watchOptions = (command: Command): Command =>
  command
    .option('--give-up <duration>', 'stop watching after this long, with status 7; the run goes on', durationOption)
    .option(
      '--wait-for-people',
      'go on watching while the run waits for a person; otherwise, without a terminal, end with status 5',
    );

/** Shows a run until it ends; gives the exit status that says how it ended. */
export async function watchRun(io: Io, client: Client, run: string, options: WatchOptions): Promise<Exit> {
  const screen = io.outIsTerminal ? redrawing(io) : appending(io);
  const patient = options.waitForPeople ?? io.outIsTerminal;
  const until = options.giveUp === undefined ? Number.POSITIVE_INFINITY : io.clock.monotonic() + options.giveUp;
  let waiting = 0;
  let away = false;
  for (;;) {
    const view = await look(client, run);
    if (view === null) {
      // The run goes on without its watcher and, for what is released, without its controller.
      if (!away) io.err('The controller cannot be reached just now; trying again.\n');
      away = true;
    } else {
      if (away) io.err('The controller is back.\n');
      away = false;
      screen.show(view);
      if (runHasEnded(view)) return view.state === 'succeeded' ? Exit.ok : Exit.runFailed;
      waiting = waitsForPerson(view) ? waiting + 1 : 0;
      if (!patient && waiting >= LOOKS_UNTIL_WAITING) {
        throw new CliError(
          Exit.waiting,
          `run ${run} waits for a person: "tidemark get incidents" and "tidemark describe run ${run}" say why`,
        );
      }
    }
    if (io.clock.monotonic() >= until)
      throw new CliError(Exit.timedOut, `gave up watching; run ${run} goes on: tidemark run watch ${run}`);
    await io.sleep(LOOK_MS);
  }
}

async function look(client: Client, run: string): Promise<RunView | null> {
  try {
    return await client.getRun({ params: { run } });
  } catch (error) {
    const passing =
      error instanceof ClientError &&
      (error.kind === 'unreachable' || error.kind === 'timeout' || error.kind === 'failed');
    if (passing) return null;
    throw error;
  }
}

interface Screen {
  show(view: RunView): void;
}

/** Lines are only ever added: for logs, pipes and `tee`. */
function appending(io: Io): Screen {
  let last: RunView | null = null;
  return {
    show: view => {
      for (const line of changeLines(last, view)) io.out(`${line}\n`);
      last = view;
    },
  };
}

/** Draws over what it drew before; what it leaves at the end stays on the screen. */
function redrawing(io: Io): Screen {
  let drawn = 0;
  return {
    show: view => {
      // One row stays free: writing to the last column of the last row would scroll.
      const rows = io.rows();
      const columns = io.columns();
      const lines = runLines(view, {
        paint: paintFor(io),
        columns: columns === undefined ? undefined : columns - 1,
        rows: rows === undefined || runHasEnded(view) ? undefined : rows - 1,
      });
      const up = drawn > 0 ? `\u001b[${drawn}A` : '';
      io.out(`${up}\r${lines.map(line => `\u001b[2K${line}\n`).join('')}\u001b[0J`);
      drawn = lines.length;
    },
  };
}
