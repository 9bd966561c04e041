import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSessionLauncher, prepare, traces } from '@tidemark/agent/executor/launch.ts';
import { expect, it } from 'vitest';

const WITHIN = { timeout: 20_000, interval: 50 };

it('a child that hangs before its first line is ended, and counts as never begun', async () => {
  const base = mkdtempSync(join(tmpdir(), 'tidemark-begin-'));
  try {
    const input = {
      work: 'call' as const,
      call: { kind: 'command/run' as const, args: { command: ['/bin/true'] as [string], expectStatus: [0] } },
      attempt: null,
      root: '/',
      stateDir: base,
      factsDir: base,
      timeoutMs: 600_000,
      graceMs: 1_000,
    };
    const directory = await prepare(base, 'hangs', input);
    // What stands for the agent's program takes `step DIR` as its arguments and hangs.
    const child = createSessionLauncher(['/bin/sh', '-c', 'exec sleep 600'], 200).launch(
      directory,
      input,
      () => undefined,
    );
    expect(child.look()).toBe(false);
    await expect.poll(() => child.look(), WITHIN).toBe(true);
    expect(traces(directory)).toEqual({ result: null, child: 'never-began' });
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
});
