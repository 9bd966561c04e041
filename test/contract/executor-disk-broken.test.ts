import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestServer, until } from './executor-support.ts';

let server: TestServer;

beforeEach(() => {
  server = new TestServer();
});

afterEach(() => server.close());

/** A loop device, and the kernel's own way to make a file system fail. */
const canBreakDisks = (): boolean => {
  const script = [
    'mount -t tmpfs -o size=16m tmpfs /mnt && truncate -s 16m /mnt/d && mkfs.ext4 -q /mnt/d && mount -o loop /mnt/d /mnt',
    'test -w "/sys/fs/ext4/$(basename "$(findmnt -no SOURCE /mnt)")/trigger_fs_error"',
  ].join(' && ');
  return spawnSync('unshare', ['-m', 'sh', '-c', script], { stdio: 'ignore' }).status === 0;
};

const run = (program: string) => ({
  kind: 'command/run' as const,
  args: { command: [program] as [string], expectStatus: [0] },
});

// Where there is no loop device, the journal's own tests stand for this.
describe.skipIf(!canBreakDisks())('a disk that fails under the agent', () => {
  it('ends the agent with a word about the journal; nothing begins any more', async () => {
    const mark = server.program('mark', 'echo x >> marks');
    const fail = server.program(
      'fail',
      `echo x >> marks; device=$(findmnt -no SOURCE '${server.stateDir}' | tail -n 1)`,
      'echo 1 > "/sys/fs/ext4/$(basename "$device")/trigger_fs_error"',
    );
    const order = server.order([
      { id: 'well', call: run(mark) },
      { id: 'fail', call: run(fail) },
      { id: 'next', call: run(mark), onFailure: 'continue' },
    ]);
    await server.start([{ path: server.stateDir, size: '32m', type: 'ext4' }]);
    server.runAll(order);
    await until('the agent ends', () => server.hasEnded, 60_000);
    expect(server.broken).toMatch(/^the journal .*journal\.sqlite cannot be read or written \(.+\); look at the disk/);
    expect(server.story(order)).toEqual(['well started', 'well succeeded', 'fail started']);
    expect(server.read('marks')).toBe('x\nx\n');
  });
});
