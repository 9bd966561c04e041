import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { OLD_VERSION, PRODUCTS, type Product, releaseFiles } from './releases.ts';

/** The servers of the demo and what runs on each. A server is a directory here; its processes are real. */
export interface Server {
  name: string;
  application: 'orders' | 'ledger';
  products: Product[];
}

const product = (name: string): Product => {
  const found = PRODUCTS.find(candidate => candidate.name === name);
  if (!found) throw new Error(`there is no product ${name}`);
  return found;
};

export const SERVERS: readonly Server[] = [
  { name: 'web01', application: 'orders', products: [product('orders-web')] },
  { name: 'web02', application: 'orders', products: [product('orders-web')] },
  { name: 'app01', application: 'orders', products: [product('orders-app')] },
  { name: 'app02', application: 'orders', products: [product('orders-app')] },
  { name: 'db01', application: 'orders', products: [product('orders-db')] },
  { name: 'db02', application: 'orders', products: [product('orders-db')] },
  { name: 'led01', application: 'ledger', products: [product('ledger-web'), product('ledger-app')] },
  { name: 'led02', application: 'ledger', products: [product('ledger-db')] },
];

/** `<product>@<host>` to port. */
export type Ports = Readonly<Record<string, number>>;

export const placeOf = (productName: string, host: string): string => `${productName}@${host}`;

/** Every component with the server that it is on. */
export const placements = (): { server: Server; product: Product }[] =>
  SERVERS.flatMap(server => server.products.map(each => ({ server, product: each })));

/** As many ports as asked for, free on 127.0.0.1 now: held open together, so that no two are the same. */
export async function freePorts(count: number): Promise<number[]> {
  const holders = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<{ port: number; close: () => void }>((resolve, reject) => {
          const server = createServer();
          server.on('error', reject);
          server.listen(0, '127.0.0.1', () => {
            const address = server.address();
            if (address && typeof address === 'object')
              resolve({ port: address.port, close: () => void server.close() });
          });
        }),
    ),
  );
  for (const holder of holders) holder.close();
  return holders.map(holder => holder.port);
}

export async function choosePorts(): Promise<Ports> {
  const places = placements().map(({ server, product: each }) => placeOf(each.name, server.name));
  const ports = await freePorts(places.length);
  return Object.fromEntries(places.map((place, index) => [place, ports[index] ?? 0]));
}

/**
 * Makes a server's root directory as its administrators left it: release 1.4.0 unpacked and in use, the site's
 * configuration, and on a database node the probe that says which role it has.
 */
export function buildServer(server: Server, root: string, ports: Ports): void {
  write(join(root, 'var/lib/shop/host-name'), `${server.name}\n`);
  for (const directory of ['run', 'var/log', 'usr/bin']) mkdirSync(join(root, directory), { recursive: true });
  symlinkSync(process.execPath, join(root, 'usr/bin/node'));
  for (const each of server.products) {
    write(join(root, 'etc', each.name, 'site.json'), `${JSON.stringify({ ports }, null, 2)}\n`);
    for (const file of releaseFiles(each, OLD_VERSION))
      write(join(root, 'opt', each.name, 'releases', OLD_VERSION, file.name), file.content, file.mode);
    symlinkSync(`releases/${OLD_VERSION}`, join(root, 'opt', each.name, 'current'));
    if (each.tier !== 'db') continue;
    // Once, by hand, somebody made db01 the active one; from then on the pair knows by itself.
    const role = server.name === 'db02' ? 'standby' : 'active';
    write(join(root, 'var/lib/shop', `${each.name}.json`), JSON.stringify({ role, bookings: 0 }));
  }
  const probes = join(root, 'etc/tidemark/facts.d');
  mkdirSync(probes, { recursive: true });
  if (server.products.some(each => each.name === 'orders-db')) {
    copyFileSync(join(import.meta.dirname, 'components/facts-ordersdb.sh'), join(probes, 'ordersdb'));
    chmodSync(join(probes, 'ordersdb'), 0o755);
  }
}

function write(file: string, content: string, mode = 0o644): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content, { mode });
  chmodSync(file, mode);
}

/** The script that starts, stops and probes a component, as the landscape names it. */
export const scriptOf = (productName: string): string => `/opt/${productName}/current/bin/${productName}`;
