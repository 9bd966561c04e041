import type { Call } from '@tidemark/shared/orders/step-kinds.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StepResult } from '../steps/directory.ts';

/** A step that was launched by a process of its own, as an executor is one. */
export interface LaunchedStep {
  /** Resolves once that process says that the step is over. */
  over: Promise<void>;
  /** As a crash of the agent. */
  killLauncher(): Promise<void>;
  /** Another executor takes the step up. */
  attach(): Promise<LaunchedStep>;
  /** Undefined where it left none. */
  result(): Promise<StepResult | undefined>;
  /** The process that does it, once it has begun. */
  pid(): Promise<number | null>;
}

export interface LauncherFixture {
  launch(call: Call, limits: { timeoutMs: number; graceMs: number }): Promise<LaunchedStep>;
  /** Launches one whose agent is this program instead, and has so long to its first line. */
  launchBroken(program: string, beginMs: number): Promise<LaunchedStep>;
  /** A shell program on the server; gives its path. `$work` is a directory of its own. */
  program(name: string, ...lines: string[]): string;
  /** A file in `$work`; empty where there is none. */
  read(file: string): string;
  write(file: string): void;
  signal(pid: number, signal: 'STOP' | 'KILL' | 'CONT'): Promise<void>;
  isRunning(pid: number): Promise<boolean>;
  close(): Promise<void>;
}

const LONG = { timeoutMs: 60_000, graceMs: 1_000 };
const WITHIN = { timeout: 20_000, interval: 50 };

/** What every launcher does, wherever it puts steps. */
export function launcherConformance(name: string, make: () => Promise<LauncherFixture>): void {
  describe(`steps by ${name}`, () => {
    let fixture: LauncherFixture;
    beforeEach(async () => {
      fixture = await make();
    });
    afterEach(() => fixture.close());

    const run = (program: string): Call => ({
      kind: 'command/run',
      args: { command: [program], expectStatus: [0] },
    });
    const pidIn = (file: string) => Number(fixture.read(file).trim() || 0);

    it('run to their end, which is seen, and leave a result', async () => {
      const step = await fixture.launch(run(fixture.program('quick', 'echo hello')), LONG);
      await step.over;
      expect(await step.result()).toMatchObject({ outcome: 'succeeded', timedOut: false });
    });

    it('go on when their launcher is killed, and are found again by the next one', async () => {
      const slow = fixture.program('slow', 'echo x >> "$work/marks"', 'while [ ! -e "$work/go" ]; do sleep 0.05; done');
      const step = await fixture.launch(run(slow), LONG);
      await expect.poll(() => fixture.read('marks'), WITHIN).toBe('x\n');
      await step.killLauncher();
      const again = await step.attach();
      let over = false;
      void again.over.then(() => {
        over = true;
      });
      expect(await step.result()).toBeUndefined();
      expect(over).toBe(false);
      fixture.write('go');
      await again.over;
      expect(await step.result()).toMatchObject({ outcome: 'succeeded' });
      expect(fixture.read('marks')).toBe('x\n');
    });

    it('that ended while nobody was there are over for the next one', async () => {
      const step = await fixture.launch(run(fixture.program('quick', 'echo hello')), LONG);
      await step.over;
      await (await step.attach()).over;
    });

    it('end at their timeout with all that they started, also what does not want to', async () => {
      const hang = fixture.program(
        'hang',
        'trap "" TERM',
        '(trap "" TERM; while :; do sleep 0.1; done) & echo $! > "$work/child"',
        'while :; do sleep 0.1; done',
      );
      const step = await fixture.launch(run(hang), { timeoutMs: 1_500, graceMs: 300 });
      await step.over;
      expect(await step.result()).toMatchObject({ outcome: 'failed', timedOut: true });
      const child = pidIn('child');
      expect(child).toBeGreaterThan(0);
      await expect.poll(() => fixture.isRunning(child), WITHIN).toBe(false);
    });

    it('that cannot even end themselves are ended from outside', async () => {
      const hang = fixture.program('hang', 'echo $$ > "$work/child"; while :; do sleep 0.1; done');
      const step = await fixture.launch(run(hang), { timeoutMs: 1_000, graceMs: 100 });
      await expect.poll(() => pidIn('child'), WITHIN).toBeGreaterThan(0);
      const pid = (await step.pid()) ?? 0;
      expect(pid).toBeGreaterThan(0);
      await fixture.signal(pid, 'STOP');
      await step.over;
      expect(await step.result()).toBeUndefined();
      await expect.poll(() => fixture.isRunning(pidIn('child')), WITHIN).toBe(false);
    });

    it('that hang before their first line are ended, and have never begun', async () => {
      const hang = fixture.program('hang', 'trap "" TERM', 'echo $$ > "$work/child"; while :; do sleep 0.1; done');
      const step = await fixture.launchBroken(hang, 1_000);
      await expect.poll(() => pidIn('child'), WITHIN).toBeGreaterThan(0);
      await step.over;
      expect([await step.result(), await step.pid()]).toEqual([undefined, null]);
      await expect.poll(() => fixture.isRunning(pidIn('child')), WITHIN).toBe(false);
    });

    it('leave running what they started to stay', async () => {
      const daemon = fixture.program(
        'daemon',
        'setsid sh -c \'echo $$ > "$work/child"; exec sleep 600\' < /dev/null &',
        'while [ ! -s "$work/child" ]; do sleep 0.05; done',
      );
      const step = await fixture.launch(run(daemon), LONG);
      await step.over;
      const child = pidIn('child');
      expect(await step.result()).toMatchObject({ outcome: 'succeeded' });
      expect(await fixture.isRunning(child)).toBe(true);
      await fixture.signal(child, 'KILL');
    });
  });
}
