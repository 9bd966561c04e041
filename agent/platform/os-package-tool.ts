import { type Argv, type CommandEnd, type CommandPlace, runCommand, runStartingCommand } from './command.ts';

/** How a package manager's programs are run. */
export interface Tool {
  /** Asks: what it writes is no output of the step. */
  ask(argv: Argv): Promise<ToolEnd>;
  /** Changes something: what it writes is the step's output, and what it leaves running keeps no pipe of ours. */
  act(argv: Argv): Promise<ToolEnd>;
}

export interface ToolEnd extends CommandEnd {
  /** Of both streams, in the order in which it was written where it matters (`act`); its end where it is long. */
  text: string;
}

/** A dist-upgrade of a whole server writes some hundred KiB. */
const MAX_TEXT_BYTES = 8 * 1024 * 1024;

/**
 * An agent whose root directory is not the machine's goes into it, so that the package database there is worked on and
 * never the machine's own.
 */
export function createTool(place: CommandPlace, environment: Readonly<Record<string, string>>): Tool {
  const enter: readonly string[] = place.root === '/' ? [] : ['/usr/sbin/chroot', place.root];
  const run = async (argv: Argv, how: typeof runCommand, shown: boolean): Promise<ToolEnd> => {
    const kept: Buffer[] = [];
    let size = 0;
    const output: CommandPlace['output'] = (data, stream) => {
      kept.push(Buffer.from(data));
      size += data.length;
      while (size > MAX_TEXT_BYTES && kept.length > 1) size -= kept.shift()?.length ?? 0;
      if (shown) place.output(data, stream);
    };
    const all = [...enter, ...argv] as [string, ...string[]];
    const end = await how(all, {
      ...place,
      root: '/',
      workingDirectory: '/',
      environment: { LC_ALL: 'C.UTF-8', ...environment },
      output,
    });
    return { ...end, text: Buffer.concat(kept).toString('utf8') };
  };
  return {
    ask: argv => run(argv, runCommand, false),
    act: argv => run(argv, runStartingCommand, true),
  };
}
