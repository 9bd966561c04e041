import { type Argv, type CommandEnd, type CommandPlace, describeArgv, describeEnd, runCommand } from './command.ts';

export interface Captured extends CommandEnd {
  stdout: string;
  /** There was more than was kept. */
  truncated: boolean;
}

/** Much more than any of the commands that are read says. */
const CAPTURE_BYTES = 4 * 1024 * 1024;

/** Runs a command to read what it says. Its standard error still goes where the step's output goes. */
export async function capture(argv: Argv, place: CommandPlace, maxBytes = CAPTURE_BYTES): Promise<Captured> {
  const parts: Buffer[] = [];
  let size = 0;
  const end = await runCommand(argv, {
    ...place,
    output(data, stream) {
      if (stream === 'stderr') return place.output(data, stream);
      if (size < maxBytes) parts.push(Buffer.from(data.subarray(0, maxBytes - size)));
      size += data.length;
    },
  });
  return { ...end, stdout: Buffer.concat(parts).toString('utf8'), truncated: size > maxBytes };
}

/** What a command says that must end well; the error names it, its status and its last line. */
export async function read(argv: Argv, place: CommandPlace): Promise<string> {
  const end = await capture(argv, place);
  if (end.status !== 0) throw new Error(`${describeArgv(argv)} failed: ${describeEnd(end)}`);
  if (end.truncated) throw new Error(`${describeArgv(argv)} says more than can be read`);
  return end.stdout;
}
