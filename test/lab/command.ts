import { spawn } from 'node:child_process';

/** How a command ended. `code` is null where a signal ended it. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  /** Written to standard input, which is empty otherwise. */
  input?: string;
  /** The whole environment; the caller's own where it is left out. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Killed after so long; without it the caller's own limit counts. */
  timeoutMs?: number;
}

export class CommandFailed extends Error {
  override name = 'CommandFailed';
}

/** Runs a command to its end, whatever that is; rejects only where it cannot be started. */
export function run(argv: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  const [program = '', ...rest] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, {
      cwd: options.cwd ?? '/',
      env: options.env ?? process.env,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs, killSignal: 'SIGKILL' as const }),
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject).on('close', code => resolve({ code, stdout, stderr }));
    // A command that ends without reading its input is no error of ours.
    child.stdin.on('error', () => undefined).end(options.input ?? '');
  });
}

/** Runs a command that must end with 0 and gives what it wrote; throws {@link CommandFailed} with all it said. */
export async function runOk(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const ended = await run(argv, options);
  if (ended.code !== 0) {
    const said = `${ended.stderr}${ended.stdout}`.trimEnd().split('\n').slice(-30).join('\n');
    throw new CommandFailed(`${argv.join(' ')} ended with ${ended.code ?? 'a signal'}:\n${said}`);
  }
  return ended.stdout;
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

/** A look that takes long (a command line starts a process) is not repeated at once: waiting is to leave the machine alone. */
const LONGEST_PAUSE_MS = 2_000;

/** Waits until `condition` holds; throws after `withinMs`, saying what was waited for and what `describe` saw last. */
export async function until(
  what: string,
  condition: () => Promise<boolean> | boolean,
  { withinMs = 180_000, everyMs = 100, describe = () => '' }: UntilOptions = {},
): Promise<void> {
  const end = performance.now() + withinMs;
  for (;;) {
    const begun = performance.now();
    if (await condition()) return;
    const now = performance.now();
    if (now > end) throw new Error(`not within ${withinMs / 1000} s: ${what}\n${await describe()}`);
    await pause(Math.max(everyMs, Math.min(now - begun, LONGEST_PAUSE_MS)));
  }
}

export interface UntilOptions {
  withinMs?: number;
  everyMs?: number;
  describe?: () => string | Promise<string>;
}
