import { readdirSync, readlinkSync } from 'node:fs';
import type { SectionContent } from '@tidemark/shared/inventory/kinds.ts';
import { controlGroupOf, unitOfControlGroup } from '../platform/systemd-cgroup.ts';
import type { ServerFiles } from './server-files.ts';

/* Who listens and who is talked to, from /proc/net (proc(5)), and whose sockets these are, from /proc/<pid>/fd. */

export interface KernelSocket {
  protocol: 'tcp' | 'udp';
  local: { address: string; port: number };
  remote: { address: string; port: number };
  state: 'listening' | 'connected' | 'other';
  inode: string;
}

type Sockets = SectionContent<'sockets'>;
type Peers = SectionContent<'peers'>;
interface Owner {
  process: string;
  program: string;
  unit: string;
}

const NOBODY: Owner = { process: '', program: '', unit: '' };

export function collectSockets(files: ServerFiles): { sockets: Sockets; peers: Peers } {
  const all = ['tcp', 'tcp6', 'udp', 'udp6'].flatMap(table =>
    parseSockets(table.startsWith('tcp') ? 'tcp' : 'udp', files.text(`/proc/net/${table}`)),
  );
  const [low = 32_768, high = 60_999] = files.line('/proc/sys/net/ipv4/ip_local_port_range').split(/\s+/).map(Number);
  const listening = listeningIn(all, { low, high });
  const outgoing = outgoingIn(all);
  const owners = ownersOf(new Set([...listening, ...outgoing].map(({ inode }) => inode)), files);
  const ownerOf = ({ inode }: KernelSocket) => owners.get(inode) ?? NOBODY;
  return {
    sockets: distinct(listening.map(each => ({ protocol: each.protocol, ...each.local, ...ownerOf(each) }))),
    peers: distinct(
      outgoing.map(each => {
        const { process, unit } = ownerOf(each);
        return { protocol: 'tcp' as const, ...each.remote, process, unit };
      }),
    ),
  };
}

/** Pure: reads a table of /proc/net. */
export function parseSockets(protocol: 'tcp' | 'udp', text: string): KernelSocket[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line): KernelSocket[] => {
      const [, local, remote, state, , , , , , inode] = line.trim().split(/\s+/);
      if (!local || !remote || !state || !inode) return [];
      const peer = endOf(remote);
      // 0A is TCP_LISTEN, 01 TCP_ESTABLISHED; a socket of UDP that serves is connected to nobody (07).
      const listens = protocol === 'tcp' ? state === '0A' : state === '07' && peer.port === 0;
      const kind = listens ? 'listening' : state === '01' ? 'connected' : 'other';
      return [{ protocol, local: endOf(local), remote: peer, state: kind, inode }];
    });
}

/** Those that serve: UDP sockets on ports that the kernel hands out belong to somebody who asks. */
const listeningIn = (all: readonly KernelSocket[], range: { low: number; high: number }): KernelSocket[] =>
  all.filter(
    ({ protocol, state, local }) =>
      state === 'listening' && (protocol === 'tcp' || local.port < range.low || local.port > range.high),
  );

/** Connections that were made from here: to a port on which nobody here listens. */
export function outgoingIn(all: readonly KernelSocket[]): KernelSocket[] {
  const served = new Set(
    all.flatMap(({ protocol, state, local }) => (state === 'listening' ? [`${protocol} ${local.port}`] : [])),
  );
  return all.filter(
    ({ protocol, state, local, remote }) =>
      protocol === 'tcp' &&
      state === 'connected' &&
      !served.has(`tcp ${local.port}`) &&
      !/^(127\.|::1$)/.test(remote.address) &&
      remote.address !== local.address,
  );
}

/** `0100007F:0CEA`: words of four bytes in the order of the machine, here a little-endian one. */
function endOf(text: string): { address: string; port: number } {
  const [address = '', port = '0'] = text.split(':');
  const bytes = (address.match(/.{8}/g) ?? []).flatMap(word =>
    [6, 4, 2, 0].map(at => Number.parseInt(word.slice(at, at + 2), 16)),
  );
  return { address: addressOf(bytes), port: Number.parseInt(port, 16) };
}

function addressOf(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.');
  // ::ffff:10.0.0.1 is an address of IPv4 that a socket of IPv6 has.
  if (bytes.slice(0, 10).every(byte => byte === 0) && bytes[10] === 255 && bytes[11] === 255)
    return bytes.slice(12).join('.');
  const groups = Array.from({ length: 8 }, (_, at) =>
    (((bytes[at * 2] ?? 0) << 8) | (bytes[at * 2 + 1] ?? 0)).toString(16),
  );
  // The URL parser writes addresses as RFC 5952 wants them.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** Looks through processes until every socket has an owner. */
function ownersOf(inodes: Set<string>, files: ServerFiles): Map<string, Owner> {
  const found = new Map<string, Owner>();
  for (const pid of files.names('/proc').filter(name => /^\d+$/.test(name))) {
    if (found.size === inodes.size) break;
    for (const inode of socketsOf(pid)) {
      if (!inodes.has(inode) || found.has(inode)) continue;
      found.set(inode, {
        process: files.line(`/proc/${pid}/comm`).slice(0, 256),
        program: (files.link(`/proc/${pid}/exe`) ?? '').slice(0, 4_096),
        unit: unitOfControlGroup(controlGroupOf(Number(pid)) ?? '') ?? '',
      });
    }
  }
  return found;
}

function socketsOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
  } catch {
    // Gone meanwhile.
    return [];
  }
}

/** Each once, in an order that does not depend on the kernel's. */
function distinct<T extends object>(all: readonly T[]): T[] {
  const byText = new Map(all.map(each => [JSON.stringify(each), each]));
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}
