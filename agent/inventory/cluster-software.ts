import type { SectionContent } from '@tidemark/shared/inventory/kinds.ts';
import type { ServerFiles } from './server-files.ts';

/* Software that makes hosts cover for each other, by its configuration and its files: nothing is asked over a network. */

type ClusterSoftware = SectionContent<'clusterSoftware'>;

/** Null where there is none of it. */
export function collectClusterSoftware(
  files: ServerFiles,
  own: { hostname: string; addresses: readonly string[] },
): ClusterSoftware | null {
  const corosync = files.text('/etc/corosync/corosync.conf');
  const keepalived = files.text('/etc/keepalived/keepalived.conf');
  const haproxy = files.text('/etc/haproxy/haproxy.cfg');
  const found: ClusterSoftware = {
    pacemaker: corosync === '' ? null : pacemakerOf(corosync, own.hostname, files.exists('/run/crm')),
    keepalived: keepalived === '' ? null : { instances: parseKeepalived(keepalived, own.addresses) },
    patroni: patroniOf(files),
    postgresql: postgresOf(files),
    haproxy: haproxy === '' ? null : { backends: parseHaproxy(haproxy) },
  };
  const { postgresql, ...others } = found;
  return postgresql.length > 0 || Object.values(others).some(each => each !== null) ? found : null;
}

/** Pure: corosync.conf(5). */
export function pacemakerOf(
  corosync: string,
  hostname: string,
  isUp: boolean,
): NonNullable<ClusterSoftware['pacemaker']> {
  const values = (name: string) =>
    [...corosync.matchAll(new RegExp(`^\\s*${name}:\\s*(\\S+)`, 'gm'))].map(([, value = '']) => value);
  const short = hostname.split('.')[0] ?? '';
  const nodes = [...new Set(values('name'))].sort().slice(0, 128);
  return {
    cluster: values('cluster_name')[0] ?? '',
    node: nodes.find(name => name === hostname || name === short) ?? '',
    nodes,
    state: isUp ? 'running' : 'stopped',
  };
}

/** Pure: keepalived.conf(5). Who has the addresses is the active one. */
export function parseKeepalived(
  text: string,
  addresses: readonly string[],
): NonNullable<ClusterSoftware['keepalived']>['instances'] {
  const own = new Set(addresses.map(address => address.split('/')[0]));
  return [...text.matchAll(/^\s*vrrp_instance\s+(\S+)\s*\{([\s\S]*?)^\}/gm)]
    .slice(0, 128)
    .map(([, name = '', body = '']) => {
      const value = (key: string) => new RegExp(`^\\s*${key}\\s+(\\S+)`, 'm').exec(body)?.[1] ?? '';
      const block = /virtual_ipaddress\s*\{([^}]*)\}/.exec(body)?.[1] ?? '';
      const virtual = block
        .split('\n')
        .map(line => line.trim().split(/\s+/)[0] ?? '')
        .filter(address => /^[\da-fA-F.:]+(\/\d+)?$/.test(address))
        .slice(0, 64);
      return {
        ...{
          name: name.replace(/\{$/, ''),
          state: value('state'),
          priority: Number.parseInt(value('priority'), 10) || 100,
        },
        ...{ addresses: virtual, here: virtual.some(address => own.has(address.split('/')[0])) },
      };
    });
}

/** Pure: what is behind what, in haproxy.cfg. */
export function parseHaproxy(text: string): NonNullable<ClusterSoftware['haproxy']>['backends'] {
  const backends: { name: string; servers: { name: string; address: string }[] }[] = [];
  let current: (typeof backends)[number] | null = null;
  for (const line of text.split('\n')) {
    const section = /^(backend|listen|frontend|global|defaults|userlist|peers|resolvers)\b\s*(\S*)/.exec(line);
    if (section) {
      const isBackend = section[1] === 'backend' || section[1] === 'listen';
      current = isBackend ? { name: section[2] ?? '', servers: [] } : null;
      if (current && backends.length < 512) backends.push(current);
    }
    const server = /^\s+server\s+(\S+)\s+(\S+)/.exec(line);
    if (server?.[1] && server[2] && current && current.servers.length < 1_024)
      current.servers.push({ name: server[1], address: server[2] });
  }
  return backends;
}

const PATRONI = ['/etc/patroni/patroni.yml', '/etc/patroni/config.yml', '/etc/patroni.yml'];

function patroniOf(files: ServerFiles): ClusterSoftware['patroni'] {
  const own = files.names('/etc/patroni').map(name => `/etc/patroni/${name}`);
  for (const path of [...PATRONI, ...own.filter(name => name.endsWith('.yml'))]) {
    const text = files.text(path);
    if (text === '') continue;
    const read = patroniIn(text);
    if (!read) continue;
    const { scope, name, data } = read;
    const isUp = data !== '' && files.exists(`${data}/postmaster.pid`);
    const role = data === '' || !files.exists(`${data}/PG_VERSION`) ? 'unknown' : roleOf(files, data);
    return { scope, name, role, state: isUp ? 'running' : 'stopped' };
  }
  return null;
}

/** Pure: of all that Patroni's configuration says, only names and a path; null where it has no scope. */
export function patroniIn(text: string): { scope: string; name: string; data: string } | null {
  const value = (pattern: RegExp) => (pattern.exec(text)?.[1] ?? '').replace(/^(["'])(.*)\1$/, '$2').slice(0, 256);
  const scope = value(/^scope:\s*(\S+)/m);
  return scope === '' ? null : { scope, name: value(/^name:\s*(\S+)/m), data: value(/\bdata_dir:\s*([^\s,}]+)/) };
}

/** A standby has one of these in its data directory (PostgreSQL 12 and later; before). */
const roleOf = (files: ServerFiles, data: string): 'primary' | 'standby' =>
  files.exists(`${data}/standby.signal`) || files.exists(`${data}/recovery.conf`) ? 'standby' : 'primary';

function postgresOf(files: ServerFiles): ClusterSoftware['postgresql'] {
  const debian = files
    .names('/var/lib/postgresql')
    .flatMap(version =>
      files.names(`/var/lib/postgresql/${version}`).map(name => `/var/lib/postgresql/${version}/${name}`),
    );
  const redHat = ['/var/lib/pgsql/data', ...files.names('/var/lib/pgsql').map(name => `/var/lib/pgsql/${name}/data`)];
  return [...new Set([...debian, ...redHat])]
    .filter(data => files.exists(`${data}/PG_VERSION`))
    .slice(0, 64)
    .map(data => {
      const port = Number(files.text(`${data}/postmaster.pid`).split('\n')[3] ?? 0);
      return {
        port: Number.isInteger(port) && port > 0 && port < 65_536 ? port : 0,
        data,
        version: files.line(`${data}/PG_VERSION`),
        role: roleOf(files, data),
      };
    });
}
