import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Gathered } from '@tidemark/controller/landscape/connectors/connector.ts';
import { openConnector, type SourceLimits } from '@tidemark/controller/landscape/connectors/open.ts';
import { readSource } from '@tidemark/controller/landscape/source.ts';
import { reachable } from '@tidemark/controller/probes/reachable.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CmdbServer, json, netBoxDevice, netBoxService, startCmdb, type Trouble } from '../support/cmdb-server.ts';
import { makeCertificates } from './api-fixture.ts';

const TOKEN = 'nbt-is-not-the-beginning-of-this-secret';
let directory: string;
let cmdb: CmdbServer;
let slept: number[];
const path = (name: string) => join(directory, name);
const file = (name: string, text: string | Buffer) => writeFileSync(path(name), text);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-landscape-'));
  for (const name of ['files', 'secrets']) mkdirSync(path(name));
  file('secrets/token', `${TOKEN}\n`);
  cmdb = await startCmdb();
});
afterAll(async () => {
  await cmdb.close();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => {
  slept = [];
  Object.assign(cmdb, { asked: [], troubles: [], always: null, tables: {} });
  cmdb.authorizations.clear();
  cmdb.netbox = {
    devices: [netBoxDevice(1, 'db01'), netBoxDevice(3, null)],
    machines: [netBoxDevice(1, 'web01')],
    services: [
      netBoxService(7, 'orders-db', { parent_object_type: 'dcim.device', parent_object_id: 1 }),
      netBoxService(8, 'orders-web', { device: null, virtual_machine: { id: 1, name: 'web01' } }),
      netBoxService(9, 'elsewhere', { parent_object_type: 'dcim.device', parent_object_id: 99 }),
    ],
    pageCap: 1_000,
  };
  cmdb.tables = {
    cmdb_ci_server: [
      { sys_id: 'a1', name: 'db01', u_app: 'orders', ip_address: '10.0.0.1', used_for: 'Production' },
      { sys_id: 'a2', name: 'web01', u_app: 'orders', ip_address: '10.0.0.2', used_for: 'Production' },
    ],
    cmdb_ci_appl: [
      { sys_id: 'b1', name: 'orders-db', u_host: 'db01' },
      { sys_id: 'b2', name: 'orders-web', u_host: 'web01' },
    ],
    cmdb_rel_ci: [
      { sys_id: 'r1', parent: 'b2', child: 'b1', type: 'c1' },
      { sys_id: 'r2', parent: 'x', child: 'b1', type: 'c1' },
    ],
  };
});
afterEach(() => expect(JSON.stringify(told)).not.toContain(TOKEN));
let told: unknown;

const limits = (more: Partial<SourceLimits> = {}): SourceLimits => ({
  mayReach: () => true,
  directories: [path('files')],
  programs: [path('files/inventory.sh')],
  secretDirectory: path('secrets'),
  environment: { TIDEMARK_SECRET_CMDB: TOKEN },
  sleep: async ms => void slept.push(ms),
  ...more,
});

async function read(spec: object, more: Partial<SourceLimits> = {}, signal = AbortSignal.timeout(60_000)) {
  const text = JSON.stringify({ apiVersion: 'tidemark/v1', kind: 'LandscapeSource', metadata: { name: 'cmdb' }, spec });
  const source = readSource(text, 'source.json');
  if (!source.ok) throw new Error(JSON.stringify(source.error));
  const result = await openConnector(source.value, limits(more), () => false).read(signal);
  told = result;
  return result;
}

async function gathered(spec: object): Promise<Gathered> {
  const result = await read(spec);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

const netbox = (more: object = {}) => ({
  netbox: { url: cmdb.url, token: { file: 'token' }, plainHttp: true, ...more },
});
const servicenow = (more: object = {}) => ({
  servicenow: {
    ...{ url: cmdb.url, basic: { user: 'tidemark', password: { env: 'TIDEMARK_SECRET_CMDB' } }, plainHttp: true },
    tables: [
      {
        ...{
          table: 'cmdb_ci_server',
          query: 'operational_status=1',
          fields: ['name', 'u_app', 'ip_address', 'used_for'],
        },
        mapping: {
          hosts: {
            ...{ name: 'name', application: 'u_app', addresses: 'ip_address' },
            environment: { column: 'used_for', values: { Production: 'prod' } },
          },
        },
      },
      {
        table: 'cmdb_ci_appl',
        mapping: { components: { name: 'name', host: 'u_host', kind: { value: 'application' } } },
      },
    ],
    relations: true,
    ...more,
  },
});
const http = (more: object = {}) => ({
  http: {
    url: `${cmdb.url}/estate`,
    jsonata: `{"hosts": servers.{"name": $lowercase(hostname), "application": app, "environment": "prod"},
      "components": servers.services.{"name": $, "host": $lowercase(%.hostname), "kind": "service"}}`,
    ...more,
  },
});
const estate = {
  servers: [
    { hostname: 'DB01', app: 'orders', services: ['orders-db'] },
    { hostname: 'WEB01', app: 'orders', services: ['orders-web'] },
  ],
};
const ESTATE: Trouble = (_, reply) => json(reply, 200, estate);
const INVENTORY = {
  _meta: {
    hostvars: { db01: { env: 'prod', ansible_host: '10.0.0.1', ansible_password: TOKEN }, web01: { env: 'prod' } },
  },
  orders: { hosts: ['db01', 'web01'], vars: { app: 'orders' } },
  all: ['db01', 'web01'],
};
const script = (text: string) => writeFileSync(path('files/inventory.sh'), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
const ansibleMapping = { hosts: { name: 'name', application: 'app', environment: 'env' } };
const CSV_MAPPING = {
  hosts: { name: 'Host', application: 'App', environment: { value: 'prod' } },
  components: { name: 'Service', host: 'Host', kind: { value: 'service' } },
};

/** Each connector with an estate of two hosts, the same estate with a bad entry, and none at all. */
const CONNECTORS: Record<string, { good: () => object; bad: () => object; gone: () => object; components: boolean }> = {
  netbox: {
    good: netbox,
    bad: () => {
      cmdb.netbox.devices.push(netBoxDevice(2, 'no host name'));
      return netbox();
    },
    gone: () => netbox({ url: 'http://127.0.0.1:9' }),
    components: true,
  },
  servicenow: {
    good: servicenow,
    bad: () => {
      cmdb.tables['cmdb_ci_server']?.push({ sys_id: 'a3', name: 'no host name' });
      return servicenow();
    },
    gone: () => servicenow({ url: 'http://127.0.0.1:9' }),
    components: true,
  },
  http: {
    good: () => {
      cmdb.always = ESTATE;
      return http();
    },
    bad: () => {
      const servers = [...estate.servers, { hostname: 'no host name', services: [] }];
      cmdb.always = (_, reply) => json(reply, 200, { servers });
      return http();
    },
    gone: () => http({ url: 'http://127.0.0.1:9/' }),
    components: true,
  },
  'a CSV file': {
    good: () => {
      file('files/estate.csv', 'Host,App,Service\ndb01,orders,orders-db\nweb01,orders,orders-web\n');
      return { file: { path: path('files/estate.csv') }, mapping: CSV_MAPPING };
    },
    bad: () => {
      file(
        'files/estate.csv',
        'Host,App,Service\ndb01,orders,orders-db\nno host name,orders,x\nweb01,orders,orders-web\n',
      );
      return { file: { path: path('files/estate.csv') }, mapping: { hosts: CSV_MAPPING.hosts } };
    },
    gone: () => ({ file: { path: path('files/none.csv') }, mapping: CSV_MAPPING }),
    components: true,
  },
  'a list of JSON': {
    good: () => {
      file(
        'files/estate.json',
        JSON.stringify([
          { Host: 'db01', App: 'orders', Service: 'orders-db' },
          { Host: 'web01', App: 'orders', Service: 'orders-web' },
        ]),
      );
      return { file: { path: path('files/estate.json'), format: 'json' }, mapping: CSV_MAPPING };
    },
    bad: () => {
      file('files/estate.json', JSON.stringify([{ Host: 'db01' }, { Host: 'no host name' }, { Host: 'web01' }]));
      return { file: { path: path('files/estate.json'), format: 'json' }, mapping: { hosts: CSV_MAPPING.hosts } };
    },
    gone: () => ({ file: { path: path('files/none.json'), format: 'json' }, mapping: CSV_MAPPING }),
    components: true,
  },
  'an inventory of Ansible': {
    good: () => {
      file(
        'files/estate.ini',
        '[orders]\ndb01 env=prod ansible_host=10.0.0.1 # first\nweb[01:01] env=prod\n[orders:vars]\napp=orders\n',
      );
      return { file: { path: path('files/estate.ini') }, mapping: ansibleMapping };
    },
    bad: () => {
      file('files/estate.ini', 'db01\nweb01\nno/host/name\n');
      return { file: { path: path('files/estate.ini') } };
    },
    gone: () => ({ file: { path: path('files/none.ini') } }),
    components: false,
  },
  'a script of Ansible': {
    good: () => {
      script(`test "$1" = --list && cat <<'END'\n${JSON.stringify(INVENTORY)}\nEND`);
      return { ansible: { argv: [path('files/inventory.sh')] }, mapping: ansibleMapping };
    },
    bad: () => {
      script(`cat <<'END'\n${JSON.stringify({ ...INVENTORY, all: ['no/host/name', 'db01', 'web01'] })}\nEND`);
      return { ansible: { argv: [path('files/inventory.sh')] } };
    },
    gone: () => {
      rmSync(path('files/inventory.sh'), { force: true });
      return { ansible: { argv: [path('files/inventory.sh')] } };
    },
    components: false,
  },
};

describe.each(Object.entries(CONNECTORS))('the connector of %s', (_, { good, bad, gone, components }) => {
  it('gives every host and component once', async () => {
    const { records, problems } = await gathered(good());
    expect(problems).toEqual([]);
    expect(records.hosts.map(({ name, application, environment }) => [name, application, environment]).sort()).toEqual([
      ['db01', 'orders', 'prod'],
      ['web01', 'orders', 'prod'],
    ]);
    const found = records.components.map(({ name, host }) => `${name}@${host}`).sort();
    expect(found).toEqual(components ? ['orders-db@db01', 'orders-web@web01'] : []);
  });

  it('says which entry fits nowhere, and gives the others', async () => {
    const { records, problems } = await gathered(bad());
    expect(records.hosts.map(({ name }) => name).sort()).toEqual(['db01', 'web01']);
    expect(problems).toEqual([
      expect.objectContaining({ kind: 'bad-record', message: expect.stringContaining('host name') }),
    ]);
    expect(problems[0]?.origins[0]).not.toBe('');
  });

  it('says in words that nothing is there', async () => {
    expect(await read(gone())).toMatchObject({
      ok: false,
      error: { code: 'source-not-there', message: expect.stringMatching(/127\.0\.0\.1:9|none|inventory/) },
    });
  });

  it('reads nothing when its time is over', async () => {
    expect(await read(good(), {}, AbortSignal.abort())).toMatchObject({ ok: false, error: { code: 'source-late' } });
  });
});

describe('NetBox', () => {
  it('is asked page by page, by its own offset, with its token', async () => {
    cmdb.netbox.devices = Array.from({ length: 1_203 }, (_, id) => netBoxDevice(id + 10, `h${id}`));
    cmdb.netbox.pageCap = 250;
    const { records } = await gathered(
      netbox({ virtualMachines: false, services: false, filter: { status: 'active', tag: ['a', 'b'] } }),
    );
    expect(records.hosts).toHaveLength(1_203);
    expect(records.hosts[0]).toMatchObject({
      ids: { netbox: 'device/10' },
      addresses: ['10.0.0.10'],
      tags: ['patched'],
      attributes: { site: 'fra1', rack: 'R1', role: 'server' },
    });
    expect(cmdb.asked).toHaveLength(5);
    expect(cmdb.asked[1]).toBe('/api/dcim/devices/?status=active&tag=a&tag=b&ordering=id&limit=500&offset=250');
    expect([...cmdb.authorizations]).toEqual([`Token ${TOKEN}`]);
  });
});

describe('ServiceNow', () => {
  it('gives relations of components as dependencies', async () => {
    const { records } = await gathered(servicenow());
    expect(records.components.find(({ name }) => name === 'orders-web')?.needs).toEqual([
      { kind: 'uses', to: { name: 'orders-db', host: 'db01' } },
    ]);
    expect(records.hosts[0]).toMatchObject({ ids: { servicenow: 'a1' }, addresses: ['10.0.0.1'] });
    expect(cmdb.asked[0]).toContain('sysparm_query=operational_status%3D1%5EORDERBYsys_id');
  });

  it('is refused where the user may not read all that is counted', async () => {
    cmdb.troubles = [
      (_, reply) => json(reply, 200, { result: cmdb.tables['cmdb_ci_server'] }, { 'x-total-count': '5' }),
    ];
    expect(await read(servicenow())).toMatchObject({
      error: { code: 'source-answer', message: expect.stringContaining('2 of 5 entries came') },
    });
  });

  it('is refused where a field is gone', async () => {
    for (const row of cmdb.tables['cmdb_ci_server'] ?? []) delete row['u_app'];
    expect(await read(servicenow())).toMatchObject({
      error: { code: 'source-answer', message: expect.stringContaining('has no field u_app') },
    });
  });
});

const status =
  (code: number, headers: Record<string, string> = {}): Trouble =>
  (_, reply) =>
    void reply.writeHead(code, headers).end();

describe('a server that', () => {
  it('asks to wait is waited for, as long as it says', async () => {
    cmdb.troubles = [
      status(429, { 'retry-after': '7' }),
      status(503, { 'retry-after': new Date(Date.now() + 5_000).toUTCString() }),
      status(500),
    ];
    expect((await gathered(netbox())).records.hosts).toHaveLength(2);
    expect(slept[0]).toBe(7_000);
    expect(slept[1]).toBeGreaterThan(1_000);
    expect(slept[2]).toBe(4_000);
  });

  it.each<[string, Trouble, string, RegExp]>([
    [
      'asks to wait for an hour',
      status(429, { 'retry-after': '3600' }),
      'source-not-there',
      /status 429 and asks to wait 3600 s/,
    ],
    ['fails again and again', status(500), 'source-not-there', /status 500/],
    ['refuses the secret', status(403), 'source-denied', /status 403: its secret is wrong/],
    [
      'shows a page for people',
      (_, reply) => void reply.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      'source-answer',
      /text\/html instead of JSON: a page for people/,
    ],
    [
      'breaks off',
      (_, reply) => void reply.writeHead(200, { 'content-type': 'application/json' }).end('{"count": 3, "resu'),
      'source-answer',
      /ends in the middle/,
    ],
    [
      'changed its schema',
      (_, reply) => json(reply, 200, { total: 1, items: [] }),
      'source-answer',
      /does not answer as NetBox/,
    ],
    [
      'changed its records',
      (_, reply) => json(reply, 200, { count: 1, results: [{ id: 1, hostname: 'db01' }] }),
      'source-answer',
      /name: .* Was it upgraded/,
    ],
    [
      'repeats a page',
      (_, reply) => json(reply, 200, { count: 3, results: [netBoxDevice(1, 'a')] }),
      'source-answer',
      /entry 1 came twice/,
    ],
    [
      'loses its end',
      (request, reply) =>
        json(reply, 200, { count: 5, results: request.url?.endsWith('offset=0') ? [netBoxDevice(1, 'a')] : [] }),
      'source-answer',
      /1 of 5 entries came/,
    ],
    [
      'never ends',
      (request, reply) => {
        const offset = Number(new URL(request.url ?? '', 'http://x').searchParams.get('offset'));
        json(reply, 200, { count: 2, results: [1, 2, 3].map(id => netBoxDevice(offset + id, `h${offset + id}`)) });
      },
      'source-answer',
      /goes on behind its end/,
    ],
    [
      'leads to another server',
      status(302, { location: 'http://192.0.2.1/' }),
      'source-not-there',
      /leads to http:\/\/192.0.2.1, which is not followed/,
    ],
    ['leads in a circle', status(302, { location: '/api/dcim/devices/' }), 'source-not-there', /leads on and on/],
  ])('%s is given up, and nothing is taken', async (_, trouble, code, message) => {
    cmdb.always = trouble;
    expect(await read(netbox())).toMatchObject({ ok: false, error: { code, message: expect.stringMatching(message) } });
  });

  it('is slow is given up when the time is over', async () => {
    cmdb.always = (_, reply) => void reply.writeHead(200, { 'content-type': 'application/json' }).write('{"count":');
    expect(await read(netbox(), {}, AbortSignal.timeout(300))).toMatchObject({ error: { code: 'source-late' } });
  });

  it('floods is given up at the limit', async () => {
    const mebibyte = Buffer.alloc(1024 * 1024, ' ');
    cmdb.always = (_, reply) => {
      reply.writeHead(200, { 'content-type': 'application/json' });
      const more = () => {
        if (!reply.destroyed) reply.write(mebibyte, more);
      };
      more();
    };
    expect(await read(netbox())).toMatchObject({
      error: { code: 'source-too-large', message: expect.stringContaining('32 MiB') },
    });
  });

  it('is on the controller itself, or holds the metadata of a cloud, is not asked', async () => {
    expect(await read(netbox(), { mayReach: reachable() })).toMatchObject({
      error: { message: expect.stringContaining('landscapeNetworks') },
    });
    expect(await read(netbox({ url: 'http://169.254.169.254' }), { mayReach: reachable() })).toMatchObject({
      ok: false,
    });
    expect(cmdb.asked).toEqual([]);
  });

  it('has a certificate of nobody that is known is not asked, unless its authority is named', async () => {
    const { ca, ...tls } = await makeCertificates();
    const secured = await startCmdb(tls);
    try {
      secured.netbox = cmdb.netbox;
      file('secrets/site-ca.pem', ca);
      const source = { url: secured.url, token: { file: 'token' } };
      expect(await read({ netbox: source })).toMatchObject({
        ok: false,
        error: { message: expect.stringMatching(/certificate/) },
      });
      expect(secured.asked).toEqual([]);
      expect((await gathered({ netbox: { ...source, ca: 'site-ca.pem' } })).records.hosts).toHaveLength(2);
    } finally {
      await secured.close();
    }
  });
});

describe('a mapping in JSONata', () => {
  it.each([
    ['never ends', '($f := function($n) {$f($n + 1)}; $f(0))', /jsonata fails/],
    ['calls itself without end', '($f := function($n) {1 + $f($n + 1)}; $f(0))', /jsonata fails/],
    ['has a regular expression', '$match("aaaa", /(a+)+b/)', /regular expressions are not allowed/],
    ['evaluates text', '$eval("1")', /\$eval is not allowed/],
    ['is none', '{"hosts": ', /is no JSONata/],
    ['gives another section', '{"servers": []}', /must give \{hosts/],
  ])(
    'that %s is given up',
    async (_, jsonata, message) => {
      cmdb.always = ESTATE;
      expect(await read(http({ jsonata }))).toMatchObject({
        ok: false,
        error: { code: 'source-answer', message: expect.stringMatching(message) },
      });
    },
    30_000,
  );

  it('may say where the next page is, on the same server and never twice', async () => {
    const page =
      (next: string | null): Trouble =>
      (_, reply) =>
        json(reply, 200, { ...estate, next });
    cmdb.troubles = [page('/estate?page=2'), page(null)];
    expect((await gathered(http({ next: 'next' }))).records.hosts).toHaveLength(4);
    cmdb.always = page('/estate');
    expect(await read(http({ next: 'next' }))).toMatchObject({
      error: { message: expect.stringContaining('lead back') },
    });
    cmdb.always = page('http://192.0.2.1/');
    expect(await read(http({ next: 'next' }))).toMatchObject({
      error: { message: expect.stringContaining('another server') },
    });
  });
});

describe('the controller', () => {
  it('reads no file beside its directories, also behind a link', async () => {
    file('outside.csv', 'Host\nx\n');
    symlinkSync(path('outside.csv'), path('files/link.csv'));
    for (const name of ['outside.csv', 'files/link.csv'])
      expect(await read({ file: { path: path(name) }, mapping: CSV_MAPPING })).toMatchObject({
        error: { code: 'source-denied' },
      });
  });

  it('runs no program that its settings do not name', async () => {
    expect(await read({ ansible: { argv: ['/bin/sh', '-c', 'true'] } })).toMatchObject({
      error: { code: 'source-denied', message: expect.stringContaining('landscapePrograms') },
    });
  });

  it.each([
    ['fails', 'echo no such vault >&2; exit 3', 'source-not-there', /status 3: no such vault/],
    ['hangs', 'sleep 60 & sleep 60', 'source-late', /did not end in time/],
    ['floods', 'yes', 'source-too-large', /prints more than/],
    ['prints no JSON', 'echo hello', 'source-answer', /is no JSON/],
    ['prints no _meta', 'echo "{}"', 'source-answer', /has no "_meta"/],
  ])('gives a program up that %s', async (_, text, code, message) => {
    script(text);
    const signal = code === 'source-late' ? AbortSignal.timeout(500) : AbortSignal.timeout(60_000);
    expect(await read({ ansible: { argv: [path('files/inventory.sh')] } }, {}, signal)).toMatchObject({
      error: { code, message: expect.stringMatching(message) },
    });
  });

  it('shows a script nothing of its own environment', async () => {
    script(`test -z "$TIDEMARK_SECRET_CMDB$HOME" || exit 4; cat <<'END'\n${JSON.stringify(INVENTORY)}\nEND`);
    process.env['TIDEMARK_SECRET_CMDB'] = TOKEN;
    const { records } = await gathered({ ansible: { argv: [path('files/inventory.sh')] } });
    // How Ansible gets in is nobody's business here.
    expect(records.hosts[0]).toMatchObject({
      attributes: { env: 'prod', app: 'orders' },
      addresses: ['10.0.0.1'],
      tags: ['orders'],
    });
    expect(JSON.stringify(records)).not.toContain('ansible_');
    delete process.env['TIDEMARK_SECRET_CMDB'];
  });

  it('says that a secret is not there, and not what others are', async () => {
    expect(await read(netbox({ token: { file: 'none' } }))).toMatchObject({
      error: { code: 'source-denied', message: expect.stringContaining('the secret none is not in') },
    });
    expect(await read(netbox({ token: { env: 'TIDEMARK_SECRET_NONE' } }))).toMatchObject({
      error: { code: 'source-denied' },
    });
  });
});
