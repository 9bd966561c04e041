import type { Command } from 'commander';
import type { Exit } from './exit.ts';
import type { Io } from './io.ts';

/** What every command gets: the world, and where to leave its exit status. */
export interface Cli {
  io: Io;
  finish(exit: Exit): void;
}

/** Adds one command, or one with its subcommands, to the program. */
export type AddCommand = (program: Command, cli: Cli) => void;
