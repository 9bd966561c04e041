import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canMount } from '../support/fleet.ts';
import { TestServer, until } from './executor-support.ts';

let server: TestServer;

beforeEach(() => {
  server = new TestServer();
});

afterEach(() => server.close());

const run = (command: [string, ...string[]]) => ({
  kind: 'command/run' as const,
  args: { command, expectStatus: [0] },
});

/** Puts an archive where the agent has what was staged. */
async function stage(version: string, content: Buffer) {
  const tar = pack();
  tar.entry({ name: `shop-${version}/data` }, content);
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar) parts.push(part as Buffer);
  const bytes = gzipSync(Buffer.concat(parts));
  const hex = createHash('sha256').update(bytes).digest('hex');
  mkdirSync(join(server.stateDir, 'artifacts'), { recursive: true });
  writeFileSync(join(server.stateDir, 'artifacts', hex), bytes);
  return {
    kind: 'archive/install' as const,
    args: { product: 'shop', version, home: '/opt/shop', digest: `sha256:${hex}` as const },
  };
}

const OPT = { name: 'opt', version: 1, roots: [{ path: '/opt', plane: 'software' as const }], ignore: [], expect: [] };

// Without the right to mount, reserve.test.ts and the messages' own tests stand for this.
describe.skipIf(!canMount())('a full disk', () => {
  it('during an installation is named with what is missing, and leaves the version in use as it was', async () => {
    const opt = join(server.root, 'opt');
    mkdirSync(opt);
    const list = server.program('list', 'ls -A opt/shop/releases > listing; readlink opt/shop/current >> listing');
    const order = server.order([
      { id: 'small', call: await stage('1.0', randomBytes(1000)) },
      { id: 'large', call: await stage('1.1', randomBytes(3_000_000)), onFailure: 'continue' },
      { id: 'list', call: run([list]) },
    ]);
    await server.start([{ path: opt, size: '1m' }]);
    server.runAll(order);
    await until('the end', () => server.story(order).includes('finished forward'));
    const { message } = server.jobReport(order, 'large', 'failed');
    expect(message).toContain(`no space for shop 1.1 on ${opt}`);
    const [, free, missing] = /3000000 bytes .* (\d+) bytes are free, (\d+) bytes are missing/.exec(message) ?? [];
    expect(Number(free) + Number(missing)).toBe(3_000_000);
    expect(server.read('listing')).toBe('1.0\nreleases/1.0\n');
  });

  it('under a scan ends it with what to do, leaves nothing of it, and the next one is whole once there is room', async () => {
    for (let file = 0; file < 4_000; file++) {
      mkdirSync(join(server.root, 'opt', `d${file % 40}`), { recursive: true });
      writeFileSync(join(server.root, 'opt', `d${file % 40}`, `a-file-of-a-longer-name-${file}`), String(file));
    }
    const scans = join(server.stateDir, 'scans');
    const ballast = join(scans, 'ballast');
    mkdirSync(scans, { recursive: true });
    await server.start([{ path: scans, size: '1m' }]);
    const fill = server.program('fill', `head -c 900000 /dev/zero > '${ballast}'`);
    const clear = server.program('clear', `ls -A '${scans}' > left; rm '${ballast}'`);
    const order = server.order([
      { id: 'fill', call: run([fill]) },
      { id: 'scan', call: { kind: 'scan/run', args: { profile: OPT } }, onFailure: 'continue' },
      { id: 'clear', call: run([clear]) },
      { id: 'again', call: { kind: 'scan/run', args: { profile: OPT } } },
    ]);
    server.runAll(order);
    await until('the end', () => server.story(order).includes('finished forward'));
    expect(server.jobReport(order, 'scan', 'failed').message).toBe(
      `no space for the scan in ${scans}: make room there and scan again; nothing of it was kept`,
    );
    expect(server.read('left')).toBe('ballast\n');
    expect(server.jobReport(order, 'again', 'succeeded').facts).toMatchObject({ coverage: { files: 4_000 } });
  });

  it('under the agent lets the running step record its result, and refuses new work first', async () => {
    const fill = server.program(
      'fill',
      `cat /dev/zero > '${server.stateDir}/fill' 2>/dev/null; head -c 300000 /dev/zero; echo full; echo x >> marks`,
    );
    const order = server.order([
      { id: 'fill', call: run([fill]) },
      { id: 'next', call: run([fill]) },
    ]);
    await server.start([{ path: server.stateDir, size: '16m' }]);
    server.runAll(order);
    await until('the next one is refused', () => server.story(order).includes('next failed'));
    expect(server.story(order)).toEqual(['fill started', 'fill succeeded', 'next failed']);
    const { output } = server.jobReport(order, 'fill', 'succeeded');
    expect(output?.size).toBe(300_005);
    expect(
      Buffer.from(output?.tail ?? [])
        .toString('latin1')
        .endsWith('full\n'),
    ).toBe(true);
    expect(server.jobReport(order, 'next', 'failed').message).toContain('no space');
    expect(server.read('marks')).toBe('x\n');
    server.offer(server.order([{ id: 'other', call: run([fill]) }]));
    await until('a new order is refused', () =>
      server.reports().some(({ body }) => body.type === 'order-refused' && body.code === 'no-space'),
    );
  });
});

describe('a result that cannot be recorded, since not even the reserve is left', () => {
  it('is recorded once there is room, and what comes after it is done then', async () => {
    const slow = server.program('slow', 'echo x >> marks; while [ ! -e go ]; do sleep 0.05; done; echo done >> marks');
    const order = server.order([
      { id: 'slow', call: run([slow]) },
      { id: 'next', call: run([server.program('mark', 'echo next >> marks')]) },
    ]);
    await server.start();
    server.runAll(order);
    await until('the step has begun', () => server.read('marks') === 'x\n');
    const { noRoom } = server.setup();
    writeFileSync(noRoom, '');
    server.program('../go');
    await until('the step is at its end', () => server.read('marks').endsWith('done\n'));
    await new Promise(resolve => setTimeout(resolve, 2_000));
    expect(server.story(order)).toEqual(['slow started']);
    rmSync(noRoom);
    await until('the end', () => server.story(order).includes('finished forward'), 60_000);
    expect(server.read('marks')).toBe('x\ndone\nnext\n');
    expect(server.story(order).filter(line => line.startsWith('slow'))).toEqual(['slow started', 'slow succeeded']);
  });
});
