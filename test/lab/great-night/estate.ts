import { pairCluster } from '../../support/pair-policy.ts';

/*
 * What the great night patches, for any number of hosts. Pure. Two kinds of applications, as sites have them:
 *
 *   shopNN     web (nginx), app (demo-svc and the product alpha), and a database pair of which one member is active: it
 *              rolls, host by host, the inactive side first
 *   ledgerNN   the same three tiers with one database and two application servers: it cannot roll, so all of it stops
 *              from the web to the database and starts the other way round
 */

export type Tier = 'web' | 'app' | 'db';

export interface Server {
  name: string;
  application: string;
  tier: Tier;
  /** Of its pair, which has the same name as its application; null where it is no member of one. */
  pair: { cluster: string; peer: string; active: boolean } | null;
}

/** Fewer would leave out one of the two kinds. */
export const FEWEST_HOSTS = 12;
/** What issue and users speak of: 35 pairs among 200 hosts. */
const PAIRS_PER_HOST = 35 / 200;
const LEDGERS_PER_HOST = 1 / 20;
const SHOP_HOSTS = 4;
const LEDGER_HOSTS = 4;

/** Exactly so many servers; what is left over becomes more web servers of the shops. */
export function estateOf(hosts: number): Server[] {
  if (hosts < FEWEST_HOSTS) throw new Error(`a great night needs ${FEWEST_HOSTS} hosts at least, not ${hosts}`);
  const shops = Math.max(2, Math.floor(hosts * PAIRS_PER_HOST));
  const ledgers = Math.max(
    1,
    Math.floor(Math.min(hosts * LEDGERS_PER_HOST, (hosts - shops * SHOP_HOSTS) / LEDGER_HOSTS)),
  );
  const more = hosts - shops * SHOP_HOSTS - ledgers * LEDGER_HOSTS;
  return [
    ...numbered(shops).flatMap((number, index) => shop(number, 1 + Math.floor((more + shops - 1 - index) / shops))),
    ...numbered(ledgers).flatMap(ledger),
  ];
}

const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => String(index + 1).padStart(2, '0'));

function shop(number: string, webServers: number): Server[] {
  const application = `shop${number}`;
  const [first, second] = [`${application}-db1`, `${application}-db2`];
  const member = (name: string, peer: string, active: boolean): Server => ({
    ...{ name, application, tier: 'db', pair: { cluster: `${application}-db`, peer, active } },
  });
  return [
    member(first, second, true),
    member(second, first, false),
    { name: `${application}-app1`, application, tier: 'app', pair: null },
    ...numbered(webServers).map(
      web => ({ name: `${application}-web${Number(web)}`, application, tier: 'web', pair: null }) as const,
    ),
  ];
}

function ledger(number: string): Server[] {
  const application = `ledger${number}`;
  const server = (name: string, tier: Tier): Server => ({
    name: `${application}-${name}`,
    application,
    tier,
    pair: null,
  });
  return [server('db1', 'db'), server('app1', 'app'), server('app2', 'app'), server('web1', 'web')];
}

/** The product that application servers have besides packages: test/support/product.ts. */
export const PRODUCT = 'alpha';
export const [OLD, NEW] = ['1.0.0', '1.1.0'];
const SCRIPT = `/opt/${PRODUCT}/current/bin/${PRODUCT}`;
export const DATABASE_UNIT = 'postgresql@15-main.service';
/** Role, handover and proof of a database pair, see database-pair.ts. */
export const PAIR_SCRIPT = '/usr/local/sbin/database-pair';

export function landscapeOf(servers: readonly Server[]): string {
  const hosts = servers.map(
    ({ name, application, tier }) =>
      `  - {name: ${name}, application: ${application}, environment: night, attributes: {role: ${tier}}}\n`,
  );
  const clusters = servers.flatMap(({ name, pair }) =>
    pair?.active ? [`  - {name: ${pair.cluster}, members: [${name}, ${pair.peer}]}\n`] : [],
  );
  return `apiVersion: tidemark/v1
kind: Landscape
tiers: [web, app, db]
hosts:
${hosts.join('')}components:
${servers.flatMap(componentsOf).join('')}clusters:
${clusters.join('')}`;
}

function componentsOf({ name, tier }: Server): string[] {
  const component = (rest: string) => `  - {host: ${name}, tier: ${tier}, ${rest}}\n`;
  const systemd = (unit: string) => `service: {provider: systemd, units: ["${unit}"]}`;
  switch (tier) {
    case 'web':
      return [
        component(
          `name: front, kind: web server, package: nginx, ${systemd('nginx.service')}, health: {url: "http://127.0.0.1/", status: 200}`,
        ),
      ];
    case 'app':
      return [
        component(`name: worker, kind: application, package: demo-svc, ${systemd('demo-svc.service')}`),
        component(
          `name: ${PRODUCT}, kind: application, product: ${PRODUCT}, service: {provider: script, start: [${SCRIPT}, start], stop: [${SCRIPT}, stop], status: [${SCRIPT}, status]}`,
        ),
      ];
    case 'db':
      return [component(`name: ${PAIR_COMPONENT}, kind: database, ${systemd(DATABASE_UNIT)}`)];
  }
}

const PAIR_COMPONENT = 'bookings';

export const BUNDLE = 'night';

/** What one host takes of the window at most: the rest is kept for taking back. */
export const WINDOW_HOURS = 4;

/** The whole standard order, and the reboot that its updates ask for. */
export const policyOf = (servers: readonly Server[], atOnce: number): string => `apiVersion: tidemark/v1
kind: PatchPolicy
metadata: {name: great-night, owner: team-night}
spec:
  select: host.env == "night"
  bundle: {name: ${BUNDLE}}
  window: {duration: ${WINDOW_HOURS}h, reserve: 20m, timezone: Europe/Berlin}
  tiers:
    span: host
    order: [{name: web}, {name: app}, {name: db}]
    overrides:
      - {when: 'host.app.startsWith("ledger")', span: application}
  clusters:
${pairCluster({
  ...{ name: 'pairs', when: 'host.cluster != ""', activeWhen: 'facts.pair.role == "active"' },
  ...{ script: PAIR_SCRIPT, timeout: '3m' },
})}
  waves:
    - {name: canary, when: 'host.clusterRole == "" && host.app.startsWith("shop")', pick: ${Math.max(2, Math.round(servers.length / 25))}, maxParallel: ${atOnce}, soak: 2s}
    - {name: inactive, when: host.clusterRole == "standby", needs: [canary], maxParallel: ${atOnce}}
    - {name: rest, needs: [inactive], maxParallel: ${atOnce}}
  budgets:
    - {when: run.failedShare > 0.1, then: stop}
  steps:
    - {id: space, uses: check/disk, with: {reserve: 50MB}}
    - {id: refresh, uses: package/refresh}
    - {id: fetch, uses: package/download}
    - {id: stage, uses: artifact/stage}
    - {id: hold, uses: batch/hold}
    - {id: backup, uses: snapshot/create, with: {paths: [/etc], keep: 1h}}
    - {id: handover, uses: cluster/handover}
    - {id: stop, uses: service/stop}
    - {id: upgrade, uses: package/upgrade}
    - {id: patch, uses: archive/install}
    - {id: reboot, uses: system/reboot}
    - {id: start, uses: service/start}
    - {id: verify, uses: check/http}
    - {id: units, uses: check/units}
    - {id: loaded, uses: check/loaded}
    - {id: release, uses: batch/release}
    - {id: fingerprint, uses: scan/run}
`;
