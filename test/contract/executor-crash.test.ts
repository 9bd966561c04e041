import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { NestedCheck } from '@tidemark/shared/orders/kinds/check.ts';
import type { Call } from '@tidemark/shared/orders/step-kinds.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { programOf } from '../support/built-programs.ts';
import { TestServer, until } from './executor-support.ts';

let server: TestServer;

beforeEach(async () => {
  server = new TestServer();
  await server.start();
});

afterEach(() => server.close());

const run = (command: [string, ...string[]]) => ({
  kind: 'command/run' as const,
  args: { command, expectStatus: [0] },
});

/** A kind that may run again, around a command that hangs as long as there is no file `go`. */
const stop = (status: string): Call => ({
  kind: 'service/stop',
  args: {
    component: 'c',
    service: { provider: 'script', start: [status], stop: [status], status: [status] },
    waitMs: 0,
  },
});

/** Of steps that have begun. */
const stepPids = (): number[] => {
  try {
    return [stepPid()];
  } catch {
    return [];
  }
};

/** The process that leads the only step that runs. */
function stepPid(): number {
  const [name] = readdirSync(join(server.stateDir, 'steps'));
  const started = JSON.parse(readFileSync(join(server.stateDir, 'steps', name ?? '', 'started.json'), 'utf8')) as {
    process: { pid: number };
  };
  return started.process.pid;
}

/** What the only step that runs has written so far. */
function stepOutput(): string {
  const [name] = readdirSync(join(server.stateDir, 'steps'));
  const file = join(server.stateDir, 'steps', name ?? '', 'output.0');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

describe('an agent whose program is taken away in the middle of a step, as an upgrade does', () => {
  it('ends the step with what it had begun it with, and does the next one with what is there then', async () => {
    await server.close();
    const programs = mkdtempSync(join(tmpdir(), 'tidemark-upgraded-'));
    const installed = join(programs, 'installed');
    try {
      cpSync(dirname(programOf('agent')), installed, { recursive: true });
      server = new TestServer({ agent: join(installed, 'agent.mjs') });
      await server.start();
      const slow = server.program('slow', 'echo x >> marks; while [ ! -e go ]; do sleep 0.05; done');
      const checks: NestedCheck[] = [
        { kind: 'check/command', args: { command: [slow], expectStatus: [0], expectText: null, withinMs: 0 } },
        { kind: 'check/facts', args: { condition: 'facts.kernel != ""', withinMs: 0 } },
      ];
      const order = server.order([
        { id: 'checks', call: { kind: 'check/all', args: { checks } } },
        { id: 'next', call: run([server.program('mark', 'echo next >> marks')]) },
      ]);
      server.runAll(order);
      await until('the step has begun', () => server.read('marks') === 'x\n');
      const upgraded = join(programs, 'upgraded');
      renameSync(installed, upgraded);
      await server.kill();
      writeFileSync(join(server.root, 'go'), '');
      await until('the step is over', () => !isRunning(stepPid()));
      renameSync(upgraded, installed);
      await server.start();
      await until('the end', () => server.story(order).includes('finished forward'));
      expect(server.story(order)).toEqual([
        'checks started',
        'checks succeeded',
        'next started',
        'next succeeded',
        'finished forward',
      ]);
      expect(server.read('marks')).toBe('x\nnext\n');
    } finally {
      rmSync(programs, { recursive: true, force: true });
    }
  });
});

describe('an executor that is killed in the middle of a step', () => {
  it('finds the step again while it runs: it started once, and its result is reported', async () => {
    const slow = server.program('slow', 'echo x >> marks; while [ ! -e go ]; do sleep 0.05; done; echo done');
    const order = server.order([
      { id: 'slow', call: run([slow]) },
      { id: 'next', call: run([server.program('mark', 'echo next >> marks')]) },
    ]);
    server.runAll(order);
    await until('the step has begun', () => server.read('marks') === 'x\n');
    await server.kill();
    await server.start();
    expect(server.story(order)).toEqual(['slow started']);
    writeFileSync(join(server.root, 'go'), '');
    await until('the end', () => server.story(order).includes('finished forward'));
    expect(server.read('marks')).toBe('x\nnext\n');
    expect(server.story(order)).toEqual([
      'slow started',
      'slow succeeded',
      'next started',
      'next succeeded',
      'finished forward',
    ]);
    expect(Buffer.from(server.jobReport(order, 'slow', 'succeeded').output?.head ?? []).toString()).toBe('done\n');
  });

  it('finds the result of a step that ended meanwhile', async () => {
    const slow = server.program('slow', 'echo x >> marks; while [ ! -e go ]; do sleep 0.05; done; echo done >> marks');
    const order = server.order([{ id: 'slow', call: run([slow]) }]);
    server.runAll(order);
    await until('the step has begun', () => server.read('marks') === 'x\n');
    const pid = stepPid();
    await server.kill();
    writeFileSync(join(server.root, 'go'), '');
    await until('the step is over', () => !isRunning(pid));
    await server.start();
    await until('the end', () => server.story(order).includes('finished forward'));
    expect(server.read('marks')).toBe('x\ndone\n');
  });

  it('calls a step unknown that was killed with it and may not run twice, and starts it no more', async () => {
    const slow = server.program('slow', 'echo x >> marks; echo here; sleep 600');
    const order = server.order([
      { id: 'slow', call: run([slow]), retries: { max: 3, backoffMs: 0 }, onFailure: 'continue' },
    ]);
    server.runAll(order);
    await until('the step has begun', () => server.read('marks') === 'x\n');
    await until('its output is kept', () => stepOutput() === 'here\n');
    const pid = stepPid();
    await server.kill();
    process.kill(-pid, 'SIGKILL');
    await server.start();
    await until('it is unknown', () => server.story(order).includes('slow unknown'));
    const report = server.jobReport(order, 'slow', 'unknown');
    expect(report.message).toContain('must be found out on the server');
    expect(Buffer.from(report.output?.head ?? []).toString()).toBe('here\n');
    expect(server.read('marks')).toBe('x\n');
    await server.kill();
    await server.start();
    expect(server.story(order)).toEqual(['slow started', 'slow unknown']);
    expect(server.read('marks')).toBe('x\n');
  });

  it('tries a step again that was killed with it and may run twice', async () => {
    // Down is status 3: the first probe hangs, the second answers.
    const probe = server.program('probe', 'echo x >> marks; [ -e again ] && exit 3; echo > again; sleep 600');
    const order = server.order([{ id: 'stop', call: stop(probe), retries: { max: 1, backoffMs: 0 } }]);
    server.runAll(order);
    await until('the step has begun', () => server.read('marks') === 'x\n');
    await until('the probe hangs', () => server.read('again') === '\n');
    const pid = stepPid();
    await server.kill();
    process.kill(-pid, 'SIGKILL');
    await server.start();
    await until('the end', () => server.story(order).includes('finished forward'));
    expect(server.story(order)).toEqual([
      'stop started',
      'stop failed',
      'stop started',
      'stop succeeded',
      'finished forward',
    ]);
  });

  it('starts a step anew that goes on by itself: one start is reported, and its end', async () => {
    const order = server.order([{ id: 'wait', call: { kind: 'system/wait', args: { until: 'elapsed', ms: 1_500 } } }]);
    server.runAll(order);
    await until('the step has begun', () => server.story(order).includes('wait started'));
    await until('its process is there', () => stepPids().length > 0);
    const pid = stepPid();
    await server.kill();
    process.kill(-pid, 'SIGKILL');
    await server.start();
    await until('the end', () => server.story(order).includes('finished forward'));
    expect(server.story(order)).toEqual(['wait started', 'wait succeeded', 'finished forward']);
  });

  it('starts a step anew that goes on by itself so often, and then no more: a server that boots for ever comes to an end', async () => {
    const order = server.order([
      { id: 'wait', call: { kind: 'system/wait', args: { until: 'elapsed', ms: 600_000 } }, timeoutMs: 700_000 },
    ]);
    server.runAll(order);
    // Its first process and sixteen more.
    for (let kills = 0; kills < 17; kills++) {
      await until('its process is there', () => stepPids().length > 0);
      const [pid = 0] = stepPids();
      await server.kill();
      process.kill(-pid, 'SIGKILL');
      await until('it is gone', () => !isRunning(pid));
      expect(server.story(order)).toEqual(['wait started']);
      await server.start();
    }
    await until('it is over', () => server.story(order).length > 1);
    expect(server.story(order)).toEqual(['wait started', 'wait failed']);
    expect(server.jobReport(order, 'wait', 'failed').message).toContain('its process is gone and left no result');
  });

  it('at many moments still runs every step exactly once', async () => {
    const mark = server.program('mark', 'echo "$1" >> marks; sleep 0.05');
    const ids = Array.from({ length: 12 }, (_, index) => `job${index}`);
    const order = server.order(ids.map(id => ({ id, call: run([mark, id]) })));
    server.runAll(order);
    await until('the order is taken', () => server.reports().length > 0);
    for (let kills = 1; kills <= 8; kills++) {
      // Moments that differ from run to run are the point: every one of them must do.
      await new Promise(resolve => setTimeout(resolve, 150 + Math.random() * 250));
      await server.kill();
      await server.start();
    }
    await until('the end', () => server.story(order).includes('finished forward'));
    expect(server.read('marks')).toBe(`${ids.join('\n')}\n`);
    expect(server.story(order).filter(line => line.endsWith('started'))).toHaveLength(ids.length);
  });
});

describe('after a restart', () => {
  it('an order that was taken is taken no more, and a dispatch that was seen is seen', async () => {
    const order = server.order([{ id: 'a', call: run([server.program('mark', 'echo x >> marks')]) }]);
    server.offer(order);
    const envelope = server.dispatch(order.digest, { frontier: 1 });
    await until('the end', () => server.story(order).includes('finished forward'));
    await server.kill();
    await server.start();
    server.offer(order);
    server.send({ type: 'dispatch', envelope });
    const refusals = () => server.reports().flatMap(({ body }) => ('code' in body ? [body.code] : []));
    await until('both are refused', () => refusals().length === 2);
    expect(refusals()).toEqual(['already-accepted', 'replayed']);
    expect(server.read('marks')).toBe('x\n');
  });

  it('reports that were not acknowledged are said again, and standings with them', async () => {
    const order = server.order([
      { id: 'a', call: run([server.program('mark', 'echo x >> marks')]) },
      { id: 'b', call: run([server.program('mark', 'echo x >> marks')]) },
    ]);
    server.offer(order);
    server.dispatch(order.digest, { frontier: 1 });
    await until('a is done', () => server.story(order).includes('a succeeded'));
    await server.kill();
    server.messages.length = 0;
    await server.start();
    await until('the reports are back', () => server.story(order).includes('a succeeded'));
    expect(server.reports().map(report => report.sequence)).toEqual([1, 2, 3]);
    expect(server.messages).toContainEqual({
      type: 'standings',
      standings: [{ orderDigest: order.digest, frontier: 1, position: 1, direction: 'forward' }],
    });
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
