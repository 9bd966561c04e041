import { spawn } from 'node:child_process';
import { closeSync, openSync, readSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { readOutputOf } from './child-output.ts';
import { LastBytes } from './last-bytes.ts';
import { resolveBelow } from './server-path.ts';

/** A program and its arguments, as orders have them. */
export type Argv = readonly [string, ...string[]];

/** Where commands run and what becomes of what they write. */
export interface CommandPlace {
  /** The server's root directory: programs are looked up below it, and it is where they start. */
  root: string;
  /** `data` is good for the time of the call: who keeps it makes a copy. */
  output(data: Buffer, stream: 'stdout' | 'stderr'): void;
  /** Aborted at the timeout. The processes are ended by whoever owns the session. */
  signal: AbortSignal;
  /** Ends the command's own process when aborted, for what is only a part of a step. */
  killOnAbort?: boolean;
  /** Where it starts; the root where it is left out. */
  workingDirectory?: string;
  environment?: Readonly<Record<string, string>>;
  /** A directory for files that hold the output of commands which may leave something running. */
  directory: string;
}

export interface CommandEnd {
  /** Null where a signal ended it. */
  status: number | null;
  signal: string | null;
  /** The last line that is not empty, of both streams, at most {@link LAST_LINE_CHARACTERS}. */
  lastLine: string;
}

const LAST_LINE_CHARACTERS = 300;
/** After a command has ended, for what is still in its pipes. */
const DRAIN_MS = 200;
const FOLLOW_MS = 100;
/** Of what was written, for the last line. */
const TAIL_BYTES = 4096;
const READ_BYTES = 64 * 1024;
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** Nothing of the agent's own environment reaches a command. */
const environment = (root: string): NodeJS.ProcessEnv => ({
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  HOME: '/',
  TIDEMARK_ROOT: root,
});

/**
 * Runs a command, without a shell, to its end. What it leaves behind loses its output pipe. Throws only where the
 * program cannot be started; the message names it.
 */
export async function runCommand(argv: Argv, place: CommandPlace): Promise<CommandEnd> {
  const lines = new LastLine();
  const take = (stream: 'stdout' | 'stderr') => (data: Buffer) => {
    lines.add(data);
    place.output(data, stream);
  };
  const child = start(argv, place, ['ignore', 'pipe', 'pipe']);
  const outputs = [readOutputOf(child.stdout, take('stdout')), readOutputOf(child.stderr, take('stderr'))];
  try {
    const end = await ended(argv, child, place);
    await Promise.race([Promise.all(outputs.map(({ closed }) => closed)), delay(DRAIN_MS)]);
    return { ...end, lastLine: lines.text };
  } finally {
    for (const output of outputs) output.destroy();
  }
}

let commandCount = 0;

/**
 * Runs a command that starts something which stays. Its output goes to a file, not a pipe: a daemon that keeps it open
 * neither holds up the step nor dies of a closed pipe when the step is over.
 */
export async function runStartingCommand(argv: Argv, place: CommandPlace): Promise<CommandEnd> {
  commandCount += 1;
  const file = join(place.directory, `command.${commandCount}.log`);
  const writeTo = openSync(file, 'ax', 0o600);
  const readFrom = openSync(file, 'r');
  const lines = new LastLine();
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  let position = 0;
  const follow = () => {
    for (;;) {
      const length = readSync(readFrom, buffer, 0, buffer.length, position);
      if (length === 0) break;
      position += length;
      const data = buffer.subarray(0, length);
      lines.add(data);
      place.output(data, 'stdout');
    }
    if (position < MAX_FILE_BYTES) return;
    // A flood must not fill the disk. It is appended to, so it goes on from the beginning; what came since the last
    // read is lost.
    truncateSync(file);
    position = 0;
  };
  let child: ReturnType<typeof start>;
  try {
    child = start(argv, place, ['ignore', writeTo, writeTo]);
  } finally {
    closeSync(writeTo);
  }
  const timer = setInterval(follow, FOLLOW_MS);
  try {
    const end = await ended(argv, child, place);
    follow();
    return { ...end, lastLine: lines.text };
  } finally {
    clearInterval(timer);
    closeSync(readFrom);
  }
}

/** `exit status 3, its last line: "no such database"`, for messages. */
export function describeEnd(end: CommandEnd): string {
  const how = end.status === null ? `ended by ${end.signal ?? 'a signal'}` : `exit status ${end.status}`;
  return end.lastLine ? `${how}, its last line: ${JSON.stringify(end.lastLine)}` : `${how}, without a word`;
}

/** `/opt/orders/bin/start --quiet`, for messages. */
export const describeArgv = (argv: Argv): string => argv.join(' ').slice(0, LAST_LINE_CHARACTERS);

function start(argv: Argv, place: CommandPlace, stdio: ['ignore', 'pipe' | number, 'pipe' | number]) {
  const [program, ...rest] = argv;
  return spawn(resolveBelow(place.root, program), rest, {
    cwd: place.workingDirectory ?? place.root,
    env: { ...environment(place.root), ...place.environment },
    stdio,
    // Stays in the step's session and group, so that one signal reaches all of it.
    detached: false,
    shell: false,
  });
}

function ended(
  argv: Argv,
  child: ReturnType<typeof start>,
  { signal, killOnAbort }: CommandPlace,
): Promise<{ status: number | null; signal: string | null }> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      if (killOnAbort) child.kill('SIGKILL');
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    child.once('error', error => reject(new Error(`${describeArgv(argv)} cannot be started: ${startProblem(error)}`)));
    child.once('exit', (status, by) => {
      signal.removeEventListener('abort', abort);
      // Asked to end at the timeout: whatever it says now, it did not end by itself.
      if (signal.aborted) reject(new Error(`${describeArgv(argv)} did not end in time`));
      else resolve({ status, signal: by });
    });
  });
}

function startProblem(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'there is no such program (or the interpreter in its first line is missing)';
  if (error.code === 'EACCES') return 'it is not executable for the user that the agent runs as';
  return error.message;
}

const delay = (milliseconds: number) => new Promise<void>(resolve => setTimeout(resolve, milliseconds));

/** The last line of a stream that may be of any length. */
/** How OpenRC ends what it says of any failure: that it failed. */
const SUMMARY = /^\* ERROR: \S+ failed to (start|stop)$/;

class LastLine {
  readonly #tail = new LastBytes(TAIL_BYTES);

  add(data: Buffer): void {
    this.#tail.add(data);
  }

  get text(): string {
    const lines = this.#tail
      .take()
      .toString('utf8')
      .split(/[\r\n]+/)
      // Colours and other commands to a terminal have no place in a sentence.
      .map(line => line.replace(/\p{Cc}/gu, '').trim())
      .filter(line => line !== '');
    // The reason stands above it, where there is one.
    const telling = lines.findLast(line => !SUMMARY.test(line)) ?? lines.at(-1);
    return (telling ?? '').slice(0, LAST_LINE_CHARACTERS);
  }
}
