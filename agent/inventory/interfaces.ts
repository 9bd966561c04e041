import { networkInterfaces } from 'node:os';
import type { SectionContent } from '@tidemark/shared/inventory/kinds.ts';
import type { ServerFiles } from './server-files.ts';

const NET = '/sys/class/net';
/** One end of a container's: there for as long as that is. */
const EPHEMERAL = /^(veth|cali|lxc|tap|ve-|vb-)/;

export function collectInterfaces(files: ServerFiles): SectionContent<'interfaces'> {
  const addresses = networkInterfaces();
  return [...new Set([...files.names(NET), ...Object.keys(addresses)])]
    .filter(name => !EPHEMERAL.test(name) && (!files.exists(NET) || files.exists(`${NET}/${name}/mtu`)))
    .sort()
    .map(name => ({
      name,
      mac: files.line(`${NET}/${name}/address`) || (addresses[name]?.[0]?.mac ?? ''),
      mtu: Number(files.line(`${NET}/${name}/mtu`) || 0),
      state: files.line(`${NET}/${name}/operstate`) || 'unknown',
      // Temporary ones of IPv6 privacy come and go; their prefix is that of the lasting one.
      addresses: (addresses[name] ?? []).map(({ cidr, address }) => cidr ?? address).sort(),
    }));
}
