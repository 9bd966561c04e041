import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backendServers, setServerState } from '@tidemark/agent/platform/haproxy.ts';
import { lbDrain, lbEnable } from '@tidemark/agent/steps/lb.ts';
import { type StepFixture, stepFixture } from '@tidemark/agent/testing/step-context.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from './command.ts';
import { installTools } from './tools.ts';

/* A real HAProxy on this machine's loopback, with two servers behind it that keep every connection open. */

let base: string;
let socket: string;
let haproxy: ChildProcess;
let fixture: StepFixture;
let clients: Socket[] = [];
const servers: Server[] = [];
let port = 0;

async function listen(): Promise<number> {
  const server = createServer(client => client.on('error', () => undefined).write('hello'));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return address.port;
}

beforeAll(async () => {
  await installTools(['haproxy']);
  base = mkdtempSync(join(tmpdir(), 'tidemark-haproxy-'));
  socket = join(base, 'admin.sock');
  const ports = [await listen(), await listen()];
  port = await listen();
  const own = servers.pop();
  await new Promise(resolve => own?.close(resolve));
  const config = join(base, 'haproxy.cfg');
  writeFileSync(
    config,
    `global
  stats socket ${socket} mode 600 level admin
defaults
  mode tcp
  timeout connect 2s
  timeout client 60s
  timeout server 60s
frontend in
  bind 127.0.0.1:${port}
  default_backend shop
backend shop
  balance roundrobin
${ports.map((each, index) => `  server web${index + 1} 127.0.0.1:${each} check inter 100ms`).join('\n')}
`,
  );
  haproxy = spawn('/usr/sbin/haproxy', ['-db', '-f', config], { stdio: 'ignore' });
  await until('HAProxy listens', async () => existsSync(socket), { withinMs: 10_000 });
});

afterAll(async () => {
  if (haproxy?.exitCode === null) {
    haproxy.kill('SIGKILL');
    await once(haproxy, 'exit');
  }
  for (const server of servers) server.close();
  rmSync(base, { recursive: true, force: true });
});

beforeEach(() => {
  fixture = stepFixture();
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  clients = [];
  for (const server of ['web1', 'web2']) await setServerState(socket, 'shop', server, 'ready');
  fixture.close();
});

/** A connection through HAProxy on which the first byte has come. */
async function visit(): Promise<void> {
  const client = connect(port, '127.0.0.1');
  clients.push(client);
  await once(client, 'data');
}

const member = { balancer: 'haproxy' as const, backend: 'shop', server: 'web1' };
const drain = (more: Partial<Parameters<typeof lbDrain>[0]> = {}) =>
  lbDrain({ ...member, socket, waitMs: 10_000, whenBusy: 'fail', ...more }, fixture.context);
const enable = (more: Partial<Parameters<typeof lbEnable>[0]> = {}) =>
  lbEnable({ ...member, socket, waitMs: 10_000, ...more }, fixture.context);
const stateOf = async (server: string) =>
  (await backendServers(socket, 'shop')).find(each => each.server === server)?.admin;

describe('draining and enabling a server behind HAProxy', () => {
  it('sends new sessions elsewhere and waits for those that are there', async () => {
    await visit();
    await visit();
    const done = drain();
    await until('it drains', async () => (await stateOf('web1')) === 'drain', { withinMs: 5_000 });
    await visit();
    const before = await backendServers(socket, 'shop');
    expect(before.map(({ sessions }) => sessions)).toEqual([1, 2]);
    for (const client of clients) client.destroy();
    expect((await done).facts).toMatchObject({ sessions: 0, was: 'ready' });
    expect((await enable()).facts).toMatchObject({ state: 'ready' });
    expect(await stateOf('web1')).toBe('ready');
  });

  it('leaves the server as it was where sessions do not end, or goes on where that is wanted', async () => {
    await visit();
    await visit();
    await expect(drain({ waitMs: 300 })).rejects.toThrow(/still has 1 sessions .* it is ready as before/);
    expect(await stateOf('web1')).toBe('ready');
    expect((await drain({ waitMs: 300, whenBusy: 'go-on' })).message).toContain('1 sessions are left');
    expect(await stateOf('web1')).toBe('drain');
  });

  it('does not put into service what somebody had taken out before', async () => {
    await setServerState(socket, 'shop', 'web1', 'maint');
    await drain();
    await drain();
    expect(await stateOf('web1')).toBe('maint');
    expect((await enable()).message).toContain('is maint, as it was before it was drained');
    expect(await stateOf('web1')).toBe('maint');
  });

  it('does not drain the last server that serves', async () => {
    await setServerState(socket, 'shop', 'web2', 'drain');
    await expect(drain()).rejects.toThrow(/only server of shop that serves/);
    expect(await stateOf('web1')).toBe('ready');
  });

  it('drains twice and enables twice without a difference', async () => {
    await drain();
    await drain();
    await enable();
    await enable();
    expect(await stateOf('web1')).toBe('ready');
  });

  it('says what is wrong with the names and the socket', async () => {
    await expect(drain({ server: 'web9' })).rejects.toThrow(/has no server web9; it has web1, web2/);
    await expect(drain({ backend: 'none' })).rejects.toThrow(/HAProxy says: .*backend/i);
    await expect(drain({ socket: join(base, 'none') })).rejects.toThrow(/there is no such socket/);
  });
});
