import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildRelease, NEW_VERSION, OLD_VERSION, PRODUCTS, releaseFiles } from '../demo/releases.ts';
import { buildServer, choosePorts, type Ports, placements, SERVERS, scriptOf } from '../demo/site.ts';
import { startTraffic } from '../demo/traffic.ts';

interface Ended {
  status: number;
  output: string;
}

describe('the components of the demo', () => {
  let base = '';
  let ports: Ports = {};

  beforeEach(async () => {
    base = mkdtempSync(join(tmpdir(), 'tidemark-components-'));
    ports = await choosePorts();
    for (const server of SERVERS) buildServer(server, join(base, server.name), ports);
  });
  afterEach(async () => {
    await Promise.all(placements().map(({ server, product }) => script(server.name, product.name, 'stop')));
    rmSync(base, { recursive: true, force: true });
  });

  it('start, stop and tell their status as the standard base has it, also when asked twice', async () => {
    const statuses: number[] = [];
    for (const what of ['status', 'stop', 'start', 'start', 'status', 'stop', 'stop', 'status', 'dance'])
      statuses.push((await script('led02', 'ledger-db', what)).status);
    expect(statuses).toEqual([3, 0, 0, 0, 0, 0, 0, 3, 2]);
  });

  it('say why they do not start: the port is taken', async () => {
    await script('led02', 'ledger-db', 'start');
    const server = SERVERS.find(each => each.name === 'led02');
    if (!server) throw new Error('led02 is gone');
    buildServer(server, join(base, 'other'), ports);
    const second = await script('other', 'ledger-db', 'start');
    expect(second.status).toBe(1);
    expect(second.output).toContain('cannot listen on port');
  });

  it('answer all bookings while each server in turn is stopped and the database pair hands over', async () => {
    for (const { server, product } of [...placements()].reverse()) {
      if (server.application === 'orders')
        expect(await script(server.name, product.name, 'start')).toMatchObject({ status: 0 });
    }
    const traffic = startTraffic({
      urls: ['web01', 'web02'].map(host => `http://127.0.0.1:${ports[`orders-web@${host}`]}/book`),
      everyMs: 10,
      timeoutMs: 8_000,
    });
    const bounce = async (host: string, product: string) => {
      await script(host, product, 'stop');
      await script(host, product, 'start');
    };
    await bounce('web01', 'orders-web');
    await bounce('app02', 'orders-app');
    await bounce('db02', 'orders-db');
    expect((await script('db01', 'orders-db', 'is-standby')).status).toBe(1);
    expect((await script('db01', 'orders-db', 'handover')).status).toBe(0);
    expect((await script('db01', 'orders-db', 'is-standby')).status).toBe(0);
    await bounce('db01', 'orders-db');
    const counts = await traffic.stop();
    expect(counts).toMatchObject({ notAnswered: 0, outagesMs: [], lastError: null });
    expect(counts.answered).toBeGreaterThan(50);
    expect(await role('db01')).toEqual({ role: 'standby' });
    expect(await role('db02')).toEqual({ role: 'active' });
    const booked = JSON.parse(readFileSync(join(base, 'db01/var/lib/shop/orders-db.json'), 'utf8')) as {
      bookings: number;
    };
    expect(booked.bookings).toBeGreaterThanOrEqual(counts.answered);
  });

  it('tell the role of a database node that is down', async () => {
    expect(await role('db01')).toEqual({ role: 'down' });
  });

  async function role(host: string): Promise<unknown> {
    const { output } = await run(join(base, host, 'etc/tidemark/facts.d/ordersdb'), [], join(base, host));
    return JSON.parse(output);
  }

  function script(host: string, product: string, what: string): Promise<Ended> {
    const root = join(base, host);
    return run(join(root, scriptOf(product)), [what], root);
  }

  function run(file: string, argv: string[], root: string): Promise<Ended> {
    return new Promise(resolve => {
      execFile(file, argv, { cwd: root, env: { ...process.env, TIDEMARK_ROOT: root } }, (error, stdout, stderr) =>
        resolve({ status: typeof error?.code === 'number' ? error.code : error ? -1 : 0, output: stdout + stderr }),
      );
    });
  }
});

describe('the releases of the demo', () => {
  it('have the same bytes whenever they are built', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tidemark-releases-'));
    try {
      for (const product of PRODUCTS) {
        const [first, second] = [join(directory, 'first'), join(directory, 'second')];
        const [a, b] = [
          await buildRelease(product, OLD_VERSION, first),
          await buildRelease(product, OLD_VERSION, second),
        ];
        expect(readFileSync(a).equals(readFileSync(b))).toBe(true);
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('add, change and remove files from 1.4.0 to 1.4.1', () => {
    for (const product of PRODUCTS) {
      const before = new Map(releaseFiles(product, OLD_VERSION).map(file => [file.name, file.content]));
      const after = new Map(releaseFiles(product, NEW_VERSION).map(file => [file.name, file.content]));
      expect([...after.keys()].filter(name => !before.has(name))).toEqual(['share/changes-1.4.1.txt']);
      expect([...before.keys()].filter(name => !after.has(name))).toEqual(['share/format-1.3.txt']);
      const changed = [...after].filter(([name, content]) => before.has(name) && before.get(name) !== content);
      expect(changed.map(([name]) => name)).toEqual(['lib/product.mjs', 'share/RELEASE', 'share/limits.json']);
    }
  });
});
