import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildRelease, NEW_VERSION, OLD_VERSION, PRODUCTS, type Product, releaseFiles } from '../demo/releases.ts';
import { placeOf, scriptOf } from '../demo/site.ts';
import { FIRST_OF_SHOP, ordersPair } from '../support/pair-policy.ts';
import { AGENT_HOME } from './agent.ts';
import type { LabFleet } from './fleet.ts';
import type { Host } from './host.ts';

/*
 * The demo's "orders" application on real servers: two web servers, two application servers and a database pair of which
 * one is active. Release 1.4.0 runs on all of them and 1.4.1 is there to be patched.
 */

export { NEW_VERSION, OLD_VERSION } from '../demo/releases.ts';
export const SHOP_BUNDLE = 'orders-next';

const COMPONENTS = join(import.meta.dirname, '../demo/components');
const PORT = 8080;
const KIND = { web: 'web server', app: 'application', db: 'database' } as const;

/** From the back, so that everybody finds what they need when they start. */
const SERVERS: readonly { name: string; tier: Product['tier'] }[] = [
  { name: 'db01', tier: 'db' },
  { name: 'db02', tier: 'db' },
  { name: 'app01', tier: 'app' },
  { name: 'app02', tier: 'app' },
  { name: 'web01', tier: 'web' },
  { name: 'web02', tier: 'web' },
];
export const SHOP_HOSTS = SERVERS.map(({ name }) => name);

const productOf = (tier: Product['tier']): Product => {
  const found = PRODUCTS.find(product => product.application === 'orders' && product.tier === tier);
  if (!found) throw new Error(`orders has no product of tier ${tier}`);
  return found;
};

/** Lays the application out, starts it, and makes landscape and bundle known to the controller. */
export async function setUpShop(fleet: LabFleet): Promise<void> {
  const addresses = Object.fromEntries(fleet.lab.hosts.map(({ name, address }) => [name, address]));
  const ports = Object.fromEntries(SERVERS.map(({ name, tier }) => [placeOf(productOf(tier).name, name), PORT]));
  for (const { name, tier } of SERVERS) {
    const host = fleet.host(name);
    const product = productOf(tier);
    await layOut(host, product, { ports, addresses });
    // A scope of its own, as a service of the server has one: it does not end with whoever started it.
    await host.execOk(['systemd-run', '--quiet', '--scope', `--unit=${product.name}`, scriptOf(product.name), 'start']);
  }
  const releases = [];
  for (const { name } of [productOf('web'), productOf('app'), productOf('db')]) {
    releases.push('--release', `${name}@${NEW_VERSION}`);
    for (const version of [OLD_VERSION, NEW_VERSION]) {
      const archive = await buildRelease(namedProduct(name), version, fleet.desk('releases'));
      await fleet.cliOk('signatures', 'import', archive);
    }
  }
  await fleet.importLandscape(landscape());
  await fleet.cliOk('bundle', 'create', SHOP_BUNDLE, ...releases);
}

const namedProduct = (name: string): Product => {
  const found = PRODUCTS.find(product => product.name === name);
  if (!found) throw new Error(`there is no product ${name}`);
  return found;
};

/** Puts release 1.4.0 of a product and its settings on a server; does not start it. */
export async function layOut(host: Host, product: Product, site: object): Promise<void> {
  const home = `/opt/${product.name}`;
  host.write('/var/lib/shop/host-name', `${host.name}\n`);
  host.write(`/etc/${product.name}/site.json`, JSON.stringify(site));
  for (const { name, mode, content } of releaseFiles(product, OLD_VERSION))
    host.write(`${home}/releases/${OLD_VERSION}/${name}`, content, mode);
  await host.execOk(['ln', '-s', `releases/${OLD_VERSION}`, `${home}/current`]);
  await host.execOk(['ln', '-s', `${AGENT_HOME}/bin/node`, '/usr/bin/node']);
  if (product.tier !== 'db') return;
  // Once, by hand, somebody made db01 the active one; from then on the pair knows by itself.
  const role = host.name === 'db01' ? 'active' : 'standby';
  host.write(`/var/lib/shop/${product.name}.json`, JSON.stringify({ role, bookings: 0 }));
  host.write('/etc/tidemark/facts.d/ordersdb', readFileSync(join(COMPONENTS, 'facts-ordersdb.sh')), 0o755);
}

function landscape(): string {
  const hosts = SERVERS.map(({ name }) => `  - {name: ${name}, application: orders, environment: lab}\n`);
  const components = SERVERS.map(({ name, tier }) => {
    const product = productOf(tier).name;
    const script = scriptOf(product);
    return `  - name: ${product}
    host: ${name}
    tier: ${tier}
    kind: ${KIND[tier]}
    product: ${product}
    service: {provider: script, start: [${script}, start], stop: [${script}, stop], status: [${script}, status]}
    health: {url: "http://${name}:${PORT}/health", status: 200, text: ok}
`;
  });
  return `apiVersion: tidemark/v1
kind: Landscape
tiers: [web, app, db]
hosts:
${hosts.join('')}components:
${components.join('')}clusters:
  - {name: ordersdb, members: [db01, db02]}
`;
}

export const shopPolicy = (): string => `apiVersion: tidemark/v1
kind: PatchPolicy
metadata: {name: orders-night, owner: team-orders}
spec:
  select: host.env == "lab"
  bundle: {name: ${SHOP_BUNDLE}}
  window: {duration: 1h, reserve: 5m, timezone: Europe/Berlin}
  tiers:
    order: [{name: web, minInService: 50%}, {name: app, minInService: 50%}, {name: db}]
    span: host
  clusters:
${ordersPair(scriptOf('orders-db'))}
  waves:
    - {name: first, when: ${FIRST_OF_SHOP}, soak: 1s}
    - {name: rest, needs: [first]}
  steps: standard
`;
