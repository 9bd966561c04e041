/** What the exit status says to scripts. */
export const Exit = {
  ok: 0,
  error: 1,
  usage: 2,
  /** There are differences, or the plan would change something. */
  differences: 3,
  runFailed: 4,
  /** An approval or a person's decision is missing. */
  waiting: 5,
  denied: 6,
  timedOut: 7,
} as const;
export type Exit = (typeof Exit)[keyof typeof Exit];

/** A command cannot go on: the message is for people, the status for scripts. */
export class CliError extends Error {
  override name = 'CliError';
  readonly exit: Exit;
  readonly details: readonly string[];

  constructor(exit: Exit, message: string, details: readonly string[] = []) {
    super(message);
    this.exit = exit;
    this.details = details;
  }
}

export const usageError = (message: string): CliError => new CliError(Exit.usage, message);
