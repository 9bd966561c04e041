import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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

describe('an order', () => {
  it('runs job by job to its end, each step once, and reports what each saw', async () => {
    const mark = server.program('mark', 'echo "$1" >> marks; echo "did $1"');
    const order = server.order(['a', 'b', 'c'].map(id => ({ id, call: run([mark, id]) })));
    server.runAll(order);
    await until('the end', () => server.story(order).includes('finished forward'));
    expect(server.story(order)).toEqual([
      'a started',
      'a succeeded',
      'b started',
      'b succeeded',
      'c started',
      'c succeeded',
      'finished forward',
    ]);
    expect(server.read('marks')).toBe('a\nb\nc\n');
    const report = server.jobReport(order, 'b', 'succeeded');
    expect(Buffer.from(report.output?.head ?? []).toString()).toBe('did b\n');
    expect(report.output?.digest).toHaveLength(32);
    expect(report.message).toContain('did b');
  });

  it('waits at its frontier, and goes on when it is moved', async () => {
    const mark = server.program('mark', 'echo "$1" >> marks');
    const order = server.order(['a', 'b', 'c'].map(id => ({ id, call: run([mark, id]) })));
    server.offer(order);
    server.dispatch(order.digest, { frontier: 1 });
    await until('a is done', () => server.story(order).includes('a succeeded'));
    // A dispatch that moves nothing: once it is refused or taken, all before it has been handled.
    server.dispatch('sha256:'.padEnd(71, '1') as never, { frontier: 1 });
    await until('the dispatch for another order is refused', () =>
      server.reports().some(({ body }) => body.type === 'dispatch-refused' && body.code === 'unknown-order'),
    );
    expect(server.read('marks')).toBe('a\n');
    server.dispatch(order.digest, { frontier: 3 });
    await until('the end', () => server.story(order).includes('finished forward'));
    expect(server.read('marks')).toBe('a\nb\nc\n');
  });

  it('that fails halts, and is taken back backwards when the controller says so', async () => {
    const mark = server.program('mark', 'echo "$1" >> marks; [ "$1" != bad ]');
    const undo = (id: string) => run([mark, `undo-${id}`]);
    const order = server.order([
      { id: 'a', call: run([mark, 'a']), undo: undo('a') },
      { id: 'b', call: run([mark, 'b']) },
      { id: 'bad', call: run([mark, 'bad']), undo: undo('bad'), retries: { max: 1, backoffMs: 10 } },
      { id: 'never', call: run([mark, 'never']), undo: undo('never') },
    ]);
    server.runAll(order);
    await until('both attempts failed', () => server.story(order).filter(line => line === 'bad failed').length === 2);
    server.dispatch(order.digest, { direction: 'undo' });
    await until('the end', () => server.story(order).includes('finished undo'));
    expect(server.read('marks')).toBe('a\nb\nbad\nbad\nundo-bad\nundo-a\n');
    expect(server.story(order).slice(-6)).toEqual([
      'undo bad started',
      'undo bad succeeded',
      'undo b skipped',
      'undo a started',
      'undo a succeeded',
      'finished undo',
    ]);
    expect(server.jobReport(order, 'bad', 'failed').message).toContain('exit status 1');
  });

  it('waits between two attempts, and nowhere else', async () => {
    const mark = server.program('mark', 'echo "$1" >> marks');
    // An hour that is waited for is one that nobody sees the end of.
    const retries = { max: 3, backoffMs: 3_600_000 };
    const order = server.order(['a', 'b'].map(id => ({ id, call: run([mark, id]), retries })));
    server.runAll(order);
    await until('the end', () => server.story(order).includes('finished forward'));
    expect(server.read('marks')).toBe('a\nb\n');
  });

  it('that is taken back in the moment in which its next job begins does not begin it', async () => {
    const mark = server.program('mark', 'echo "$1" >> marks');
    const order = server.order([
      { id: 'a', call: run([mark, 'a']), undo: run([mark, 'undo-a']) },
      { id: 'b', call: run([mark, 'b']), undo: run([mark, 'undo-b']) },
    ]);
    server.offer(order);
    server.dispatch(order.digest, { frontier: 1 });
    await until('a is done', () => server.story(order).includes('a succeeded'));
    server.dispatch(order.digest, { frontier: 2 });
    server.dispatch(order.digest, { direction: 'undo' });
    await until('the end', () => server.story(order).includes('finished undo'));
    expect(server.story(order)).toEqual([
      'a started',
      'a succeeded',
      'undo a started',
      'undo a succeeded',
      'finished undo',
    ]);
    expect(server.read('marks')).toBe('a\nundo-a\n');
  });

  it('goes past a failure where it says continue', async () => {
    const mark = server.program('mark', 'echo "$1" >> marks; [ "$1" != bad ]');
    const order = server.order([
      { id: 'bad', call: run([mark, 'bad']), onFailure: 'continue' },
      { id: 'next', call: run([mark, 'next']) },
    ]);
    server.runAll(order);
    await until('the end', () => server.story(order).includes('finished forward'));
    expect(server.story(order)).toContain('bad failed');
    expect(server.read('marks')).toBe('bad\nnext\n');
  });

  it('misses what is past its time, and starts nothing of it', async () => {
    const mark = server.program('mark', 'echo "$1" >> marks');
    const order = server.order([
      { id: 'late', call: run([mark, 'late']), notAfter: Date.now() - 1 },
      { id: 'next', call: run([mark, 'next']) },
    ]);
    server.runAll(order);
    await until('it is missed', () => server.story(order).includes('late missed'));
    expect(server.read('marks')).toBe('');
  });

  it('ends a step that takes too long with all that it started, and calls one that may not run twice unknown', async () => {
    const hang = server.program('hang', 'trap "" TERM', 'sleep 600 & echo $! > pid', 'sleep 600; sleep 600');
    const order = server.order([{ id: 'hang', call: run([hang]), timeoutMs: 500 }]);
    server.runAll(order);
    await until('it is unknown', () => server.story(order).includes('hang unknown'));
    expect(server.jobReport(order, 'hang', 'unknown').message).toContain('timeout of 500 ms');
    const left = Number(server.read('pid'));
    await until('nothing of it is left', () => !isRunning(left));
  });
});

describe('what is refused', () => {
  const refusals = () =>
    server
      .reports()
      .flatMap(({ body }) =>
        body.type === 'order-refused' || body.type === 'dispatch-refused' ? [`${body.type} ${body.code}`] : [],
      );

  it('an order with a byte changed after its approval', async () => {
    const mark = server.program('mark', 'echo x >> marks');
    const order = server.order([{ id: 'a', call: run([mark]) }]);
    const text = order.bytes.toString('utf8').replace('/bin/mark', '/bin/evil');
    server.offer({ bytes: Buffer.from(text, 'utf8'), proof: order.proof });
    await until('a refusal', () => refusals().length > 0);
    expect(refusals()).toEqual(['order-refused not-approved']);
  });

  it('an order that was taken before', async () => {
    const order = server.order([{ id: 'a', call: run([server.program('mark', 'echo x >> marks')]) }]);
    server.runAll(order);
    await until('the end', () => server.story(order).includes('finished forward'));
    server.runAll(order);
    await until('a refusal', () => refusals().length > 0);
    expect(refusals()).toEqual(['order-refused already-accepted']);
    expect(server.read('marks')).toBe('x\n');
  });

  it('a dispatch that is sent again', async () => {
    const mark = server.program('mark', 'echo "$1" >> marks');
    const order = server.order(['a', 'b'].map(id => ({ id, call: run([mark, id]) })));
    server.offer(order);
    const envelope = server.dispatch(order.digest, { frontier: 1 });
    await until('a is done', () => server.story(order).includes('a succeeded'));
    server.send({ type: 'dispatch', envelope });
    await until('a refusal', () => refusals().length > 0);
    expect(refusals()).toEqual(['dispatch-refused replayed']);
    expect(server.read('marks')).toBe('a\n');
  });

  it('an expired dispatch, and one of a controller that was replaced', async () => {
    const order = server.order([{ id: 'a', call: run([server.program('mark', 'echo x >> marks')]) }]);
    server.offer(order);
    const now = Date.now();
    server.dispatch(order.digest, { frontier: 1, issuedAt: now - 60_000, expiresAt: now - 1 });
    server.dispatch(order.digest, { frontier: 0, epoch: 5 });
    server.dispatch(order.digest, { frontier: 1, epoch: 4 });
    await until('two refusals', () => refusals().length === 2);
    expect(refusals()).toEqual(['dispatch-refused expired', 'dispatch-refused replayed']);
    expect(server.read('marks')).toBe('');
  });
});

describe('output', () => {
  it('of 400 MB leaves head, tail, size and digest, and little memory', async () => {
    const flood = server.program('flood', 'echo begin; head -c 400000000 /dev/zero; echo; echo end');
    const order = server.order([{ id: 'flood', call: run([flood]) }]);
    const before = peakBytes(server.pid);
    server.runAll(order);
    let stepPeak = 0;
    await until('it is over', () => {
      stepPeak = Math.max(stepPeak, ...stepPids().map(peakBytes));
      return server.story(order).includes('flood succeeded');
    });
    // Without a bundle a step has some 90 MB before it begins; read as a stream, the output would be 80 MB more.
    expect(stepPeak).toBeGreaterThan(0);
    expect(stepPeak).toBeLessThan(150 * MIB);
    expect(peakBytes(server.pid) - before).toBeLessThan(40 * MIB);
    const { output } = server.jobReport(order, 'flood', 'succeeded');
    expect(output?.size).toBe(400_000_000 + 'begin\n'.length + '\nend\n'.length);
    expect(output?.head).toHaveLength(64 * 1024);
    expect(output?.tail).toHaveLength(64 * 1024);
    expect(Buffer.from(output?.head ?? []).toString('latin1', 0, 6)).toBe('begin\n');
    expect(
      Buffer.from(output?.tail ?? [])
        .toString('latin1')
        .endsWith('\nend\n'),
    ).toBe(true);
  });

  it('is shown while it comes, as far as there is credit', async () => {
    const talk = server.program('talk', 'printf 0123456789; while [ ! -e go ]; do sleep 0.05; done; echo end');
    const order = server.order([{ id: 'talk', call: run([talk]) }]);
    server.send({ type: 'output-credit', bytes: 4 });
    server.runAll(order);
    const shown = () =>
      server.messages.flatMap(message => (message.type === 'output' ? [Buffer.from(message.data).toString()] : []));
    await until('four bytes are shown', () => shown().join('') === '0123');
    server.send({ type: 'output-credit', bytes: 100 });
    await until('the rest is shown', () => shown().join('') === '0123456789');
    server.program('../go');
    await until('the end', () => server.story(order).includes('finished forward'));
  });
});

const MIB = 1024 * 1024;

/** The highest resident size that a process ever had; 0 where it is gone. */
function peakBytes(pid: number): number {
  try {
    const [, kib] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function stepPids(): number[] {
  const steps = join(server.stateDir, 'steps');
  return readdirSync(steps).flatMap(name => {
    try {
      const started = JSON.parse(readFileSync(join(steps, name, 'started.json'), 'utf8')) as {
        process: { pid: number };
      };
      return [started.process.pid];
    } catch {
      return [];
    }
  });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
