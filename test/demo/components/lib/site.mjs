// Where this process stands: which host of which landscape, and where everybody else listens.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { product } from './product.mjs';

export const root = process.env.TIDEMARK_ROOT || '/';

/** @type {{ ports: Record<string, number> }} by `<product>@<host>`, the same file on every server */
const site = JSON.parse(readFileSync(join(root, 'etc', product, 'site.json'), 'utf8'));

/** The one thing that differs between servers. */
export const hostName = readFileSync(join(root, 'var/lib/shop/host-name'), 'utf8').trim();

/** All places where a product listens: `{ host, url }`. */
export const placesOf = product =>
  Object.entries(site.ports)
    .filter(([place]) => place.startsWith(`${product}@`))
    .map(([place, port]) => ({ host: place.slice(product.length + 1), url: `http://127.0.0.1:${port}` }));

export const ownPort = site.ports[`${product}@${hostName}`];
