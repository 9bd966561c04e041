import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { debOf, zipOf } from '@tidemark/controller/harvest/testing/packages.ts';
import { createInventory } from '@tidemark/controller/inventory/service.ts';
import { createQueries } from '@tidemark/controller/queries/service.ts';
import { createRisk } from '@tidemark/controller/risk/service.ts';
import { inventoryStore } from '@tidemark/controller/store/inventory.ts';
import { agentsByName } from '@tidemark/controller/store/planner.ts';
import { contentStore, lastLooks, queryStore } from '@tidemark/controller/store/queries.ts';
import { riskStore } from '@tidemark/controller/store/risk.ts';
import { hosts } from '@tidemark/controller/store/schema.ts';
import { queryHosts } from '@tidemark/controller/wiring/query-hosts.ts';
import { mirror, riskFleet, riskGroups } from '@tidemark/controller/wiring/risk-sources.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';

const freshStore = testStores();
const clock = { now: () => Date.parse('2026-12-01T00:00:00Z'), monotonic: () => 0 };

const advisory = (id: string, cve: string, fixed: string, change: object = {}) => ({
  ...{ id, modified: '2026-11-01T00:00:00Z', aliases: [cve] },
  severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }],
  affected: [
    {
      package: { ecosystem: 'Debian:12', name: 'openssl' },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed }] }],
    },
  ],
  ...change,
});

describe('advisories and what they mean for hosts', () => {
  let directory: string;
  let risk: ReturnType<typeof createRisk>;
  let queries: ReturnType<typeof createQueries>;
  const files = new Map<string, Buffer>();
  const server = createServer((request, reply) => {
    const body = files.get(request.url ?? '');
    reply.writeHead(body ? 200 : 404).end(body);
  });

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tm-risk-'));
    const store = await freshStore();
    const inventory = createInventory({ store: inventoryStore(store), clock });
    const versions = { db01: '3.0.14-1', db02: '3.0.15-1' };
    for (const [name, version] of Object.entries(versions)) {
      const id = randomUUID();
      await store.db.insert(hosts).values({ id, name });
      const installed = {
        ...{ name: 'libssl3', version, architecture: 'amd64', source: 'openssl', sourceVersion: version },
        ...{ origin: 'Debian', held: false, state: 'installed' },
      };
      await inventory.record({
        hostId: id,
        facts: {
          os: {
            ...{ platform: 'linux', id: 'debian', like: [], version: '12.8', distro: 'Debian', release: '12' },
            ...{ codename: 'bookworm', arch: 'x64' },
          },
          packages: { manager: 'apt', architecture: 'amd64', count: 1, truncated: false, installed: [installed] },
          sockets: [
            { protocol: 'tcp', address: '0.0.0.0', port: 443, process: 'nginx', program: '/usr/sbin/nginx', unit: '' },
          ],
        },
      });
    }
    queries = createQueries({
      store: queryStore(store),
      contents: contentStore(store),
      sources: queryHosts({
        landscape: async () => null,
        landscapeVersion: async () => 0,
        agents: () => agentsByName(store),
        observed: () => lastLooks(store),
      }),
      clock,
      maxAgeMs: 86_400_000,
    });
    risk = createRisk({
      store: riskStore(store),
      sources: {
        fleet: () => riskFleet(queries),
        groups: () => riskGroups(queries),
        planned: async () => [],
        bundle: async name =>
          name === 'winter' ? { packages: [{ family: 'dpkg', name: 'libssl3', version: '3.0.15-1' }] } : null,
        fetch: mirror({ directory, mayReach: () => true }),
      },
      clock,
    });
    await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
  });

  afterAll(() => {
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function take(name: string, content: Buffer | string | object) {
    const file = join(directory, randomUUID());
    writeFileSync(file, Buffer.isBuffer(content) || typeof content === 'string' ? content : JSON.stringify(content));
    const done = await risk.importFile({ file, name, by: 'ada' });
    return done.ok ? done.value : done.error.message;
  }
  const states = async (name: string) => {
    const found = await risk.standings(name);
    return found.ok ? found.value.hosts.map(({ host, state }) => `${host} ${state}`) : found.error.message;
  };

  it('come in files and archives, all of it or nothing', async () => {
    const good = JSON.stringify(advisory('DSA-1', 'CVE-2026-1001', '3.0.15-1'));
    const bad = await take(
      'all.zip',
      zipOf([
        { name: 'a.json', content: good },
        { name: 'b.json', content: '{' },
      ]),
    );
    expect(bad).toMatch(/nothing of all\.zip was imported: b\.json: is no JSON/);
    expect(await states('CVE-2026-1001')).toMatch(/no advisory is named CVE-2026-1001/);
    expect(
      await take(
        'all.zip',
        zipOf([
          { name: 'a.json', content: good },
          { name: 'notes.txt', content: 'x' },
        ]),
      ),
    ).toMatchObject({
      files: 1,
      advisories: 1,
    });
    expect(await take('again.json', good)).toMatchObject({ advisories: 0, unchanged: 1 });
    expect(await take('package.deb', await debOf({ data: [] }))).toMatch(/nothing of package\.deb was imported/);
    expect(await take('empty.json', '')).toMatch(/nothing of empty\.json was imported/);
  });

  it('say which hosts are affected, and which patched', async () => {
    expect(await states('CVE-2026-1001')).toEqual(['db01 affected', 'db02 patched']);
    const affected = await risk.affectedBy(['CVE-2026-1001']);
    expect(affected.ok && [...affected.value]).toEqual(['db01']);
    expect(await risk.affectedBy(['openssl'])).toMatchObject({ ok: false, error: { code: 'cve-invalid' } });
  });

  it('come from a mirror, and what is not there is said', async () => {
    const { port } = server.address() as AddressInfo;
    files.set('/epss.csv.gz', gzipSync('#model_version:v2026\ncve,epss,percentile\nCVE-2026-1001,0.5,0.9\n'));
    const url = `http://127.0.0.1:${port}/epss.csv.gz`;
    expect(await risk.importUrl({ url, by: 'ada' })).toMatchObject({ ok: true, value: { probabilities: 1 } });
    expect(await risk.importUrl({ url: `${url}x`, by: 'ada' })).toMatchObject({
      ok: false,
      error: { code: 'advisories-unreachable', message: expect.stringContaining('is not there') },
    });
  });

  it('give risks with their arithmetic, which what is known of their use changes', async () => {
    await queries.keepGroup({ name: 'gold', select: 'host.name == "db01"', importance: 100, owner: '', by: 'ada' });
    const before = await risk.host('db01');
    expect(before).toMatchObject({
      ok: true,
      value: {
        score: 6.17,
        findings: [
          {
            score: {
              severity: { value: 9.8 },
              exploitation: { value: 0.6 },
              importance: { value: 1.5 },
              exposure: { value: 0.7 },
            },
          },
        ],
      },
    });
    await take('kev.json', {
      catalogVersion: '1',
      vulnerabilities: [{ cveID: 'CVE-2026-1001', dateAdded: '2026-11-20' }],
    });
    expect(await risk.hosts(10)).toMatchObject({
      total: 2,
      hosts: [
        { host: 'db01', score: 10.29 },
        { host: 'db02', score: 0 },
      ],
    });
  });

  it('say what a bundle would remove', async () => {
    expect(await risk.bundle('winter')).toMatchObject({
      ok: true,
      value: {
        hosts: [{ host: 'db01', before: 10.29, after: 0, removed: ['CVE-2026-1001'], left: 0 }],
        removed: [{ name: 'CVE-2026-1001', hosts: 1 }],
      },
    });
    expect(await risk.bundle('summer')).toMatchObject({ ok: false, error: { code: 'bundle-unknown' } });
  });

  it('count for nothing once they are withdrawn, and an older copy does not bring them back', async () => {
    const withdrawn = { modified: '2026-11-30T00:00:00Z', withdrawn: '2026-11-30T00:00:00Z' };
    expect(await take('a.json', advisory('DSA-1', 'CVE-2026-1001', '3.0.15-1', withdrawn))).toMatchObject({
      withdrawn: 1,
    });
    expect(await states('CVE-2026-1001')).toEqual([]);
    expect(await take('a.json', advisory('DSA-1', 'CVE-2026-1001', '3.0.15-1'))).toMatchObject({
      advisories: 0,
      unchanged: 1,
    });
    expect(await risk.host('db01')).toMatchObject({ ok: true, value: { score: 0, findings: [] } });
  });
});
