// Where this process stands: which host of which landscape, and where everybody else listens.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { product } from './product.mjs';

export const root = process.env.TIDEMARK_ROOT || '/';

/**
 * @type {{ ports: Record<string, number>, addresses?: Record<string, string> }} ports by `<product>@<host>`, addresses by
 * host: the same file on every server. Without addresses all are on this machine.
 */
const site = JSON.parse(readFileSync(join(root, 'etc', product, 'site.json'), 'utf8'));

/** The one thing that differs between servers. */
export const hostName = readFileSync(join(root, 'var/lib/shop/host-name'), 'utf8').trim();

const addressOf = host => site.addresses?.[host] ?? '127.0.0.1';

/** All places where a product listens: `{ host, url }`. */
export const placesOf = product =>
  Object.entries(site.ports)
    .filter(([place]) => place.startsWith(`${product}@`))
    .map(([place, port]) => {
      const host = place.slice(product.length + 1);
      return { host, url: `http://${addressOf(host)}:${port}` };
    });

export const ownPort = site.ports[`${product}@${hostName}`];
export const ownAddress = addressOf(hostName);
