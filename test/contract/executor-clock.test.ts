import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestServer, until } from './executor-support.ts';

/*
 * The wall clock of a server is set while its executor works: by hand, by a time service that was away, by a machine that was
 * suspended. What a step's own process does then is in test/lab/clock-jump.lab.ts.
 */

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

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
const slow = () => server.program('slow', 'echo x >> marks; while [ ! -e go ]; do sleep 0.05; done');
const mark = () => server.program('mark', 'echo "$1" >> marks');
const letGo = () => server.program('../go');
const hasEnded = (order: Parameters<TestServer['story']>[0]) => server.story(order).includes('finished forward');

describe.each([
  ['forward', DAY],
  ['back', -DAY],
])('a wall clock that is set a day %s', (_way, jumpMs) => {
  it('ends no step that runs, and lets it have its own time', async () => {
    const order = server.order([{ id: 'slow', call: run([slow()]) }]);
    server.runAll(order);
    await until('the step has begun', () => server.read('marks') === 'x\n');
    server.setClock(jumpMs);
    // Many looks of the executor, and more than the grace after a timeout.
    await new Promise(resolve => setTimeout(resolve, 2_000));
    expect(server.story(order)).toEqual(['slow started']);
    letGo();
    await until('the end', () => hasEnded(order));
    expect(server.story(order)).toContain('slow succeeded');
  });

  it('ends a step that hangs neither earlier nor later, also where the executor is another one by then', async () => {
    const order = server.order([{ id: 'slow', call: run([slow()]), timeoutMs: 4_000 }]);
    server.runAll(order);
    await until('the step has begun', () => server.read('marks') === 'x\n');
    const begun = performance.now();
    server.setClock(jumpMs);
    await server.kill();
    await server.start();
    await until('it is over', () => server.story(order).includes('slow unknown'));
    const tookMs = performance.now() - begun;
    expect(server.jobReport(order, 'slow', 'unknown').message).toContain('timeout of 4000 ms');
    expect(tookMs).toBeGreaterThan(2_500);
    expect(tookMs).toBeLessThan(30_000);
  });

  it('changes nothing about the pause between two attempts', async () => {
    const twice = server.program('twice', 'echo x >> marks; [ "$(wc -l < marks)" = 2 ]');
    const order = server.order([
      { id: 'twice', call: run([twice]), retries: { max: 1, backoffMs: 3_000 }, notAfter: Date.now() + 9 * DAY },
    ]);
    server.runAll(order);
    await until('it failed', () => server.story(order).includes('twice failed'));
    const failed = performance.now();
    server.setClock(jumpMs);
    await until('the end', () => hasEnded(order));
    expect(performance.now() - failed).toBeGreaterThan(2_500);
    expect(performance.now() - failed).toBeLessThan(30_000);
  });
});

describe('a job that waits for its window', () => {
  it('begins when the clock says so, also where it was set forward meanwhile', async () => {
    const opens = Date.now() + 20 * MINUTE;
    const order = server.order([{ id: 'early', call: run([mark(), 'early']), notBefore: opens }]);
    server.runAll(order);
    await until('it is taken', () => server.reports().length > 0);
    // It has begun to wait for twenty minutes by now.
    await new Promise(resolve => setTimeout(resolve, 1_000));
    expect(server.read('marks')).toBe('');
    server.setClock(30 * MINUTE);
    await until('the end', () => hasEnded(order), 60_000);
    expect(server.read('marks')).toBe('early\n');
  });

  it('does not begin before that where the clock is set back', async () => {
    const order = server.order([{ id: 'early', call: run([mark(), 'early']), notBefore: Date.now() + 4_000 }]);
    server.runAll(order);
    await until('it is taken', () => server.reports().length > 0);
    server.setClock(-HOUR);
    await new Promise(resolve => setTimeout(resolve, 6_000));
    expect(server.story(order)).toEqual([]);
    server.setClock(0);
    await until('the end', () => hasEnded(order), 60_000);
  });
});

describe('a job that is past its time by a clock that was set forward', () => {
  const twoJobs = () =>
    server.order([
      { id: 'slow', call: run([slow()]) },
      { id: 'next', call: run([mark(), 'next']), notAfter: Date.now() + 10 * MINUTE },
    ]);

  it('is missed, and stays so when the clock is set back', async () => {
    const order = twoJobs();
    server.runAll(order);
    await until('the first one has begun', () => server.read('marks') === 'x\n');
    server.setClock(30 * MINUTE);
    letGo();
    await until('the next one is missed', () => server.story(order).includes('next missed'));
    server.setClock(0);
    await server.kill();
    await server.start();
    await new Promise(resolve => setTimeout(resolve, 1_000));
    expect(server.story(order)).toEqual(['slow started', 'slow succeeded', 'next missed']);
    // What was past is past (docs/decisions/0051): a person who has it done again comes too late as well.
    server.amend(order, 'retry', 'next');
    await until('it is missed again', () => server.story(order).filter(line => line === 'next missed').length === 2);
    expect(server.read('marks')).toBe('x\n');
  });

  it('is done where the clock was right again before its turn came', async () => {
    const order = twoJobs();
    server.runAll(order);
    await until('the first one has begun', () => server.read('marks') === 'x\n');
    server.setClock(DAY);
    await new Promise(resolve => setTimeout(resolve, 1_000));
    server.setClock(0);
    letGo();
    await until('the end', () => hasEnded(order));
    expect(server.read('marks')).toBe('x\nnext\n');
  });
});
