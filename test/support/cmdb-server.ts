import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** What the server does instead of answering, once or as long as it is set. */
export type Trouble = (request: IncomingMessage, reply: ServerResponse) => void;

export interface CmdbServer {
  url: string;
  /** Asked in this order, path and query. */
  asked: string[];
  authorizations: Set<string>;
  /** Taken one for each request; null answers as usual. Empty: all answer. */
  troubles: (Trouble | null)[];
  /** For every request. */
  always: Trouble | null;
  netbox: { devices: object[]; machines: object[]; services: object[]; pageCap: number };
  tables: Record<string, Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** A NetBox and a ServiceNow of the size that a test needs: real HTTP on loopback, answers in the shapes that both document. */
export async function startCmdb(tls?: { key: string; cert: string }): Promise<CmdbServer> {
  const answer = (request: IncomingMessage, reply: ServerResponse): void => {
    const url = new URL(request.url ?? '/', 'http://cmdb');
    cmdb.asked.push(`${url.pathname}${url.search}`);
    if (request.headers.authorization !== undefined) cmdb.authorizations.add(request.headers.authorization);
    const trouble = cmdb.always ?? cmdb.troubles.shift();
    if (trouble) trouble(request, reply);
    else if (url.pathname.startsWith('/api/now/table/')) serviceNow(cmdb, url, reply);
    else netBox(cmdb, url, reply);
  };
  const server: Server = tls ? createTlsServer(tls, answer) : createServer(answer);
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const cmdb: CmdbServer = {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    asked: [],
    authorizations: new Set(),
    troubles: [],
    always: null,
    netbox: { devices: [], machines: [], services: [], pageCap: 1_000 },
    tables: {},
    close: () =>
      new Promise<void>(closed => {
        server.closeAllConnections();
        server.close(() => closed());
      }),
  };
  return cmdb;
}

export const json = (
  reply: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void => {
  reply.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
};

function netBox({ netbox }: CmdbServer, url: URL, reply: ServerResponse): void {
  const lists: Record<string, object[]> = {
    '/api/dcim/devices/': netbox.devices,
    '/api/virtualization/virtual-machines/': netbox.machines,
    '/api/ipam/services/': netbox.services,
  };
  const all = lists[url.pathname];
  if (!all) {
    json(reply, 404, { detail: 'Not found.' });
    return;
  }
  const offset = Number(url.searchParams.get('offset') ?? 0);
  const limit = Math.min(Number(url.searchParams.get('limit') ?? 50), netbox.pageCap);
  const isLast = offset + limit >= all.length;
  // As behind a proxy that it does not know of: nobody can follow that.
  const next = isLast ? null : `http://netbox.internal${url.pathname}?limit=${limit}&offset=${offset + limit}`;
  json(reply, 200, { count: all.length, next, previous: null, results: all.slice(offset, offset + limit) });
}

function serviceNow({ tables }: CmdbServer, url: URL, reply: ServerResponse): void {
  const all = tables[url.pathname.slice('/api/now/table/'.length)];
  if (!all) {
    json(reply, 400, { error: { message: 'Invalid table', detail: null }, status: 'failure' });
    return;
  }
  const offset = Number(url.searchParams.get('sysparm_offset') ?? 0);
  const limit = Number(url.searchParams.get('sysparm_limit') ?? 10_000);
  const fields = url.searchParams.get('sysparm_fields')?.split(',');
  const rows = all
    .slice(offset, offset + limit)
    .map(row => (fields ? Object.fromEntries(Object.entries(row).filter(([name]) => fields.includes(name))) : row));
  json(reply, 200, { result: rows }, { 'x-total-count': String(all.length) });
}

const tag = (slug: string, id: number) => ({
  id,
  url: `http://netbox/api/extras/tags/${id}/`,
  display: slug,
  name: slug,
  slug,
  color: '9e9e9e',
});
const named = (name: string, id: number) => ({
  id,
  url: `http://netbox/api/x/${id}/`,
  display: name,
  name,
  slug: name.toLowerCase(),
});

/** As NetBox 4 answers: what is not needed is there too. */
export const netBoxDevice = (id: number, name: string | null, more: object = {}) => ({
  id,
  url: `http://netbox/api/dcim/devices/${id}/`,
  display: name ?? `server (${id})`,
  name,
  device_type: { id: 3, manufacturer: named('Dell', 1), model: 'R650', slug: 'r650' },
  role: named('Server', 2),
  tenant: null,
  platform: named('debian-12', 4),
  serial: `S${id}`,
  site: named('FRA1', 1),
  location: null,
  rack: { id: 8, url: 'http://netbox/api/dcim/racks/8/', display: 'R1', name: 'R1' },
  status: { value: 'active', label: 'Active' },
  primary_ip: { id, family: { value: 4, label: 'IPv4' }, address: `10.0.${id >> 8}.${id & 255}/24` },
  primary_ip4: { id, family: { value: 4, label: 'IPv4' }, address: `10.0.${id >> 8}.${id & 255}/24` },
  primary_ip6: null,
  cluster: null,
  comments: '',
  tags: [tag('patched', 1)],
  custom_fields: { application: 'orders', environment: 'prod' },
  created: '2026-01-01T00:00:00Z',
  last_updated: '2026-11-01T00:00:00Z',
  ...more,
});

/** Before 4.3 by `device`, since then by its parent. */
export const netBoxService = (id: number, name: string, parent: object) => ({
  id,
  url: `http://netbox/api/ipam/services/${id}/`,
  display: name,
  name,
  protocol: { value: 'tcp', label: 'TCP' },
  ports: [5432],
  ipaddresses: [],
  description: '',
  tags: [],
  custom_fields: {},
  ...parent,
});
