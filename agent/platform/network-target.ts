import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { compileGlob } from '@tidemark/shared/fingerprint/glob.ts';

/*
 * What checks over the network may reach. A server's policy says which names and addresses (agent/executor/permit.ts); what
 * a name turns out to be is looked at here, once and just before connecting, so that no second answer counts.
 */

export interface TargetAddress {
  address: string;
  family: 4 | 6;
}

/** A target that is refused whoever permits it, or whose name is not what it says. */
export class TargetRefused extends Error {
  override name = 'TargetRefused';
}

/** A block list of networks in CIDR notation. */
function networksOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', bits = ''] = cidr.split('/');
    list.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

const isIn = (list: BlockList, address: string): boolean => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

const LOOPBACK = networksOf(['127.0.0.0/8', '::1/128']);

/**
 * Never a service that a patch depends on: link-local addresses, where clouds tell every process on a server its secrets
 * (RFC 3927, RFC 4291), the other addresses that they do so at, multicast, and what means "this host" or "all" by accident.
 */
const REFUSED = networksOf([
  ...['169.254.0.0/16', 'fe80::/10'],
  // Metadata: Alibaba Cloud and AWS over IPv6. Those of the others are link-local.
  ...['100.100.100.200/32', 'fd00:ec2::254/128'],
  ...['224.0.0.0/4', 'ff00::/8', '0.0.0.0/8', '255.255.255.255/32', '::/128'],
]);

export const isRefusedAddress = (address: string): boolean => isIn(REFUSED, address);

/** By what this server is called, and its addresses, now. */
export interface OwnIdentity {
  names: readonly string[];
  addresses: readonly string[];
}

export function ownIdentity(): OwnIdentity {
  const name = hostname().toLowerCase();
  const [short = name] = name.split('.');
  return {
    names: [...new Set(['localhost', 'ip6-localhost', name, short])],
    addresses: Object.values(networkInterfaces()).flatMap(each => (each ?? []).map(({ address }) => address)),
  };
}

/** Whether a name or address means this very server. */
const isOwn = (host: string, { names, addresses }: OwnIdentity): boolean =>
  isIP(host) === 0 ? names.includes(host.toLowerCase()) : isIn(LOOPBACK, host) || addresses.includes(host);

/** `[::1]` and `::1`: the host as it is in a URL, or as it is. */
export const bareHost = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');

/**
 * What to connect to for a host; throws {@link TargetRefused} where one of its addresses is refused, or where a name of
 * this server leads elsewhere.
 */
export async function resolveTarget(host: string): Promise<TargetAddress[]> {
  const bare = bareHost(host);
  const kind = isIP(bare);
  const found = kind === 0 ? await lookup(bare, { all: true }) : [{ address: bare, family: kind }];
  const self = ownIdentity();
  for (const { address } of found) {
    if (isRefusedAddress(address))
      throw new TargetRefused(
        `${bare === address ? bare : `${bare} (${address})`} is an address that no check may reach`,
      );
    if (kind === 0 && isOwn(bare, self) && !isOwn(address, self))
      throw new TargetRefused(`${bare} is this server, and its address ${address} is not`);
  }
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
}

/**
 * Whether a check may reach a host, by its text alone: this server, or what `targets` lists (names, globs over names,
 * addresses, networks). What a permitted name leads to is looked at when the check connects.
 */
export function permittedTargets(targets: readonly string[], self: OwnIdentity): (host: string) => boolean {
  const networks = networksOf(targets.filter(each => each.includes('/')));
  const addresses = targets.filter(each => isIP(each) !== 0);
  const names = targets
    .filter(each => !each.includes('/') && isIP(each) === 0)
    .map(glob => compileGlob(`/${glob.toLowerCase()}`));
  return host => {
    if (isIP(host) === 0) return isOwn(host, self) || names.some(fits => fits(Buffer.from(`/${host.toLowerCase()}`)));
    return !isRefusedAddress(host) && (isOwn(host, self) || addresses.includes(host) || isIn(networks, host));
  };
}
