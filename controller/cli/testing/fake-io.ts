import type { Io } from '../io.ts';
import { AT } from './samples.ts';

export interface FakeIo extends Io {
  /** All that was printed. */
  readonly stdout: string;
  readonly stderr: string;
}

/** A world in memory. Time passes only while a command sleeps. */
export function fakeIo(change: Partial<Io> = {}): FakeIo {
  let stdout = '';
  let stderr = '';
  let passed = 0;
  return {
    out: text => {
      stdout += text;
    },
    err: text => {
      stderr += text;
    },
    outIsTerminal: false,
    columns: () => undefined,
    rows: () => undefined,
    env: {},
    home: '/nowhere',
    clock: { now: () => AT + passed, monotonic: () => passed },
    sleep: async ms => {
      passed += ms;
    },
    stdin: async () => '',
    ask: null,
    ...change,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
  };
}
