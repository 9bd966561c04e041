import type { Clock } from '@tidemark/shared/base/clock.ts';

/** The variables that the CLI looks at. */
export interface Environment {
  readonly TIDEMARK_CONFIG?: string | undefined;
  readonly TIDEMARK_CONTEXT?: string | undefined;
  readonly XDG_CONFIG_HOME?: string | undefined;
  readonly NO_COLOR?: string | undefined;
  readonly TERM?: string | undefined;
}

/** Everything outside of a command: what it says, where it runs. Tests make their own. */
export interface Io {
  /** Data. */
  out(text: string): void;
  /** Progress and errors. */
  err(text: string): void;
  outIsTerminal: boolean;
  /** Width of the terminal; undefined where there is none. */
  columns(): number | undefined;
  rows(): number | undefined;
  env: Environment;
  home: string;
  clock: Clock;
  sleep(ms: number): Promise<void>;
  stdin(): Promise<string>;
  /** Null without a terminal: then nothing is asked. */
  ask: ((question: string) => Promise<string>) | null;
}
