import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import type { StepContext } from '../steps/executor.ts';

export interface StepFixture {
  context: StepContext;
  /** Ends the step's time. */
  abort(): void;
  close(): void;
}

/** A context as a step's child has it. The server's root is the machine's own unless another one is given. */
export function stepFixture(root = '/'): StepFixture {
  const base = mkdtempSync(join(tmpdir(), 'tidemark-step-'));
  const directory = join(base, 'step');
  mkdirSync(directory);
  const timeout = new AbortController();
  const { signal } = timeout;
  const output = () => undefined;
  const context: StepContext = {
    root,
    stateDir: join(base, 'state'),
    directory,
    clock: systemClock,
    signal,
    place: { root, output, signal, directory },
    resolve: path => join(root, path),
    output,
    collectFacts: async () => ({}),
    lookAround: async () => {
      throw new Error('this test does not look around');
    },
  };
  mkdirSync(context.stateDir);
  return { context, abort: () => timeout.abort(), close: () => rmSync(base, { recursive: true, force: true }) };
}
