import { BlockList, isIP } from 'node:net';

/**
 * Where nobody must make the controller go unless its configuration says so: itself, the link that it hangs on (cloud metadata lives there), and what
 * is no single host. Private networks are allowed: that is where a site's own services are.
 */
const FORBIDDEN: readonly [string, number, 'ipv4' | 'ipv6'][] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 127, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
  // IPv4 behind IPv6. Mapped addresses (::ffff:0:0/96) are judged as the IPv4 that they are: in this list they would be all of it.
  ['64:ff9b::', 96, 'ipv6'],
];

function forbidden(): BlockList {
  const list = new BlockList();
  for (const [network, prefix, family] of FORBIDDEN) list.addSubnet(network, prefix, family);
  return list;
}

const isIn = (list: BlockList, address: string): boolean => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

/**
 * Whether the controller may go to this address. `allowed`: networks that the controller's configuration opens although they are
 * forbidden, as CIDR.
 */
export function reachable(allowed: readonly string[] = []): (address: string) => boolean {
  const blocked = forbidden();
  const open = new BlockList();
  for (const network of allowed) {
    const [address = '', prefix] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    open.addSubnet(address, Number(prefix ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  return address => !isIn(blocked, address) || isIn(open, address);
}
