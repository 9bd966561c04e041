import { spawn } from 'node:child_process';
import { SourceProblem } from './connector.ts';

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** As much of what it said of its failure as a person reads. */
const SHOWN_BYTES = 1_000;

/**
 * What a program prints. By its arguments, without a shell, with an environment that holds no secret of the controller, in
 * a process group of its own that is ended with it.
 */
export function outputOf(argv: readonly string[], signal: AbortSignal): Promise<string> {
  const [program = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    };
    const pieces: Buffer[] = [];
    let bytes = 0;
    let said = '';
    let problem: SourceProblem | null = null;
    const stop = (why: SourceProblem) => {
      problem ??= why;
      end();
    };
    const late = () =>
      stop(new SourceProblem('source-late', `${program} did not end in time and was ended: nothing was imported`));
    if (signal.aborted) late();
    signal.addEventListener('abort', late, { once: true });
    child.stdout.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > MAX_OUTPUT_BYTES)
        stop(
          new SourceProblem('source-too-large', `${program} prints more than ${MAX_OUTPUT_BYTES / 1024 / 1024} MiB`),
        );
      else pieces.push(piece);
    });
    child.stderr.on('data', (piece: Buffer) => {
      if (said.length < SHOWN_BYTES) said += piece.toString('utf8');
    });
    child.on('error', error =>
      reject(new SourceProblem('source-not-there', `${program} cannot be started: ${error.message}`)),
    );
    child.on('close', code => {
      signal.removeEventListener('abort', late);
      end();
      if (problem) reject(problem);
      else if (code === 0) resolve(Buffer.concat(pieces).toString('utf8'));
      else
        reject(
          new SourceProblem(
            'source-not-there',
            `${program} ended with status ${code}: ${said.slice(0, SHOWN_BYTES).trim() || 'it said nothing'}`,
          ),
        );
    });
  });
}
