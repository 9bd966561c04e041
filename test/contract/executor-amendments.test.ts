import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestServer, until } from './executor-support.ts';

let server: TestServer;

beforeEach(async () => {
  server = new TestServer();
  await server.start();
});

afterEach(() => server.close());

const run = (...command: [string, ...string[]]) => ({
  kind: 'command/run' as const,
  args: { command, expectStatus: [0] },
});

/** Three jobs of which the second fails until somebody makes the file `mended`. */
async function halted() {
  const mark = server.program('mark', 'echo "$1" >> marks');
  const mend = server.program('mend', 'echo try >> marks; [ -e mended ]');
  const order = server.order([
    { id: 'a', call: run(mark, 'a'), undo: run(mark, 'undo-a') },
    { id: 'b', call: run(mend), undo: run(mark, 'undo-b') },
    { id: 'c', call: run(mark, 'c'), undo: run(mark, 'undo-c') },
  ]);
  server.runAll(order);
  await until('b has failed', () => server.story(order).includes('b failed'));
  return { order, makeRight: () => server.program('mend', 'echo mended >> marks') };
}

describe('what people sign beyond an order', () => {
  it('is done once, also where it comes twice and the executor is killed in between', async () => {
    const { order, makeRight } = await halted();
    makeRight();
    const stamp = { issuedAt: Date.now() };
    const expiresAt = stamp.issuedAt + 60_000;
    server.amend(order, 'retry', 'a', { ...stamp, expiresAt });
    await until('the end', () => server.story(order).includes('finished forward'));
    await server.kill();
    await server.start();
    server.amend(order, 'retry', 'a', { ...stamp, expiresAt });
    await until('the second answer', () => server.amended().length === 2);
    expect(server.amended()).toEqual(['retry taken', 'retry taken']);
    expect(server.read('marks').trim().split('\n')).toEqual(['a', 'try', 'a', 'mended', 'c']);
  });

  it('passes a job that is skipped, and one that was skipped before its turn is not taken back either', async () => {
    const { order } = await halted();
    server.amend(order, 'skip', 'c');
    server.amend(order, 'skip', 'b');
    await until('the end', () => server.story(order).includes('finished forward'));
    expect(server.jobReport(order, 'c', 'skipped').message).toBe('skipped, says approver: because I looked');
    server.amend(order, 'undo', null);
    await until('the end of the undo', () => server.story(order).includes('finished undo'));
    // b had begun when it was skipped: there may be something to take back. c had not.
    expect(server.read('marks').trim().split('\n')).toEqual(['a', 'try', 'undo-b', 'undo-a']);
    expect(server.story(order)).toContain('undo c skipped');
  });

  it('is refused where nobody whom the server trusts signed it, it is too old, or the order is elsewhere', async () => {
    const { order } = await halted();
    const stranger = new TestServer();
    server.amend(order, 'skip', 'b', { issuedAt: 1, expiresAt: 2 });
    server.amend(order, 'retry', 'c');
    server.amend(order, 'skip', 'a');
    server.amend({ ...order, digest: `sha256:${'7'.repeat(64)}` }, 'skip', 'b');
    server.amend(order, 'skip', 'b', { host: stranger.hostId });
    await stranger.close();
    await until('five answers', () => server.amended().length === 5);
    expect(server.amended()).toEqual([
      'skip expired',
      'retry not-now',
      'skip not-now',
      'skip unknown-order',
      'skip wrong-host',
    ]);
    expect(server.read('marks').trim().split('\n')).toEqual(['a', 'try']);
  });
});
