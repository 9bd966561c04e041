import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { Command, CommanderError, Option } from 'commander';
import { DEFAULT_CONFIG_FILE, type Inputs, mergeFragments, readFragment, validate } from './config/settings.ts';
import type { OwnCommand } from './own-command.ts';
import { AGENT_VERSION_LINE } from './version.ts';

/* The command line of `tidemark-agent`. Parts are loaded by the command that needs them. */

/** As the controller's CLI counts: 0 ok, 1 error, 2 usage. */
const EXIT = { error: 1, usage: 2 } as const;

interface ConfigOptions {
  config: string;
}

/** A failure that a person reads; the stack says nothing to them. */
class Complaint extends Error {}

function inputsOf({ config }: ConfigOptions): Inputs {
  const fragment = readFragment(config);
  if (!fragment.ok) throw new Complaint(fragment.error);
  return mergeFragments([fragment.value]);
}

async function run(options: ConfigOptions, ownCommand: OwnCommand): Promise<void> {
  const settings = validate(inputsOf(options));
  if (!settings.ok) throw new Complaint(settings.error);
  const { runAgent } = await import('./run-agent.ts');
  const ran = await runAgent(settings.value, ownCommand);
  if (!ran.ok) throw new Complaint(ran.error);
}

async function enrolHost(options: ConfigOptions & { controller: string; tokenFile: string }): Promise<void> {
  const { stateDir } = inputsOf(options);
  const { enrol } = await import('./link/enrol.ts');
  const token = readToken(options.tokenFile);
  const enrolled = await enrol({ controller: options.controller, token, stateDir, hostName: hostname() });
  if (!enrolled.ok) throw new Complaint(enrolled.error.message);
  const { hostId, fleet, linkAddress } = enrolled.value;
  process.stdout.write(`enrolled in ${fleet} as ${hostId}, controller ${linkAddress}\n`);
}

/** Never an argument: those are in everybody's process list. */
function readToken(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8').trim();
  } catch (error) {
    throw new Complaint(`the token cannot be read: ${(error as Error).message}`);
  }
}

async function scan(directory: string, { output }: { output: 'jsonl' | 'table' }): Promise<void> {
  const { listFiles } = await import('./scan/scan.ts');
  let lines: Iterable<{ path: string; kind: string; sha256: string | null; size: number | null; mode: string | null }>;
  const write = linesTo(process.stdout);
  try {
    lines = listFiles(directory);
    for (const line of lines) {
      if (output === 'jsonl') await write(JSON.stringify(line));
      else {
        const cells = [line.kind.padEnd(10), line.mode ?? '-   ', String(line.size ?? '-').padStart(12)];
        await write(`${cells.join('  ')}  ${line.sha256 ?? '-'.padEnd(64)}  ${line.path}`);
      }
    }
  } catch (error) {
    throw new Complaint(`${directory} cannot be scanned: ${(error as Error).message}`);
  }
}

/** Waits where the reader is slower. */
function linesTo(stream: NodeJS.WriteStream): (line: string) => Promise<void> {
  return async line => {
    if (!stream.write(`${line}\n`)) await new Promise<void>(resolve => stream.once('drain', () => resolve()));
  };
}

async function status(options: ConfigOptions): Promise<void> {
  const { describeStatus } = await import('./status.ts');
  process.stdout.write(`${describeStatus(inputsOf(options).stateDir).join('\n')}\n`);
}

function program(ownCommand: OwnCommand): Command {
  const config = () =>
    new Option('--config <file>', 'the config file; paths in it are taken from where it lies').default(
      DEFAULT_CONFIG_FILE,
    );
  const root = new Command('tidemark-agent')
    .description('Runs the orders of a Tidemark controller on this server, and proves what is on it.')
    .version(AGENT_VERSION_LINE)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });
  root
    .command('run')
    .description('run the agent until it is told to go')
    .addOption(config())
    .action((options: ConfigOptions) => run(options, ownCommand));
  root
    .command('enrol')
    .description('give this server its identity, once')
    .addOption(config())
    .requiredOption('--controller <host:port>', "address of the controller's enrolment")
    .requiredOption('--token-file <file>', 'the one-time token; "-" reads it from standard input')
    .action(enrolHost);
  root
    .command('scan <directory>')
    .description('list every file below a directory with its digest')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['jsonl', 'table']).default('table'))
    .action(scan);
  root.command('status').description('what the agent is doing').addOption(config()).action(status);
  return root;
}

/** Does what the command line says and sets the exit status. */
export async function commandLine(ownCommand: OwnCommand): Promise<void> {
  // `tidemark-agent scan / | head`: a reader that has seen enough is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : EXIT.error));
  try {
    await program(ownCommand).parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
      return;
    }
    process.stderr.write(
      error instanceof Complaint ? `tidemark-agent: ${error.message}\n` : `${(error as Error).stack}\n`,
    );
    process.exitCode = EXIT.error;
  }
}
