import { CommanderError } from 'commander';
import type { ErrorDetail } from '../api/contract/common.ts';
import { ClientError } from '../client/errors.ts';
import { CliError, Exit } from './exit.ts';
import type { Io } from './io.ts';
import { plain, plainLines } from './output/sanitise.ts';
import { buildProgram } from './program.ts';

/** Runs one command line (without program and script) and gives its exit status. Never throws. */
export async function runCli(args: readonly string[], io: Io): Promise<Exit> {
  let exit: Exit = Exit.ok;
  const program = buildProgram({
    io,
    finish: status => {
      exit = status;
    },
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exit;
  } catch (error) {
    return report(error, io);
  }
}

function report(error: unknown, io: Io): Exit {
  // Commander has said what is wrong; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.ok : Exit.usage;
  if (error instanceof CliError) {
    io.err(`tidemark: ${error.message}\n`);
    for (const detail of error.details) io.err(`  ${detail}\n`);
    return error.exit;
  }
  if (error instanceof ClientError) {
    for (const line of refusalLines(error)) io.err(`${line}\n`);
    return exitOf(error);
  }
  // What stopped the controller from starting may be several lines: each wrong setting is one.
  io.err(`tidemark: ${plainLines(error instanceof Error ? error.message : String(error))}\n`);
  return Exit.error;
}

/** The message with its details below it; where the one detail is what the message ends with, it is said once. */
function refusalLines({ message, details }: ClientError): string[] {
  const [only] = details;
  if (only && details.length === 1 && message.endsWith(only.message)) return [`tidemark: ${detailText(only)}`];
  return [`tidemark: ${plain(message)}`, ...details.map(detail => `  ${detailText(detail)}`)];
}

/** `policy.yaml:12:5: unknown key "wave", did you mean "waves"?`, as editors and compilers write it. */
export function detailText({ file, line, column, message }: ErrorDetail): string {
  const place = [file, line, column].filter(part => part !== undefined).join(':');
  return plain(place ? `${place}: ${message}` : message);
}

export function exitOf(error: ClientError): Exit {
  switch (error.kind) {
    case 'token-refused':
    case 'denied':
      return Exit.denied;
    case 'timeout':
      return Exit.timedOut;
    case 'refused':
      return /not-approved|approval/.test(error.code) ? Exit.waiting : Exit.error;
    default:
      return Exit.error;
  }
}
