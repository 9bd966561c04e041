import { FIRST_OF_SHOP, ordersPair } from '../support/pair-policy.ts';
import { type Ports, placements, placeOf, SERVERS, scriptOf } from './site.ts';

/* The files that a user of Tidemark writes: landscape and policy. Ports are the only thing filled in. */

const KIND = { web: 'web server', app: 'application', db: 'database' } as const;

/** Bought and connected, with nothing on it yet: the plan leaves it out and says why. */
export const EMPTY_SERVER = 'rep01';

export function landscapeYaml(ports: Ports): string {
  const hosts = SERVERS.map(
    ({ name, application }) => `  - {name: ${name}, application: ${application}, environment: demo}`,
  );
  const components = placements().map(({ server, product }) => {
    const script = scriptOf(product.name);
    return `  - name: ${product.name}
    host: ${server.name}
    tier: ${product.tier}
    kind: ${KIND[product.tier]}
    product: ${product.name}
    home: /opt/${product.name}
    service: {provider: script, start: [${script}, start], stop: [${script}, stop], status: [${script}, status]}
    health: {url: "http://127.0.0.1:${ports[placeOf(product.name, server.name)]}/health", status: 200, text: ok}`;
  });
  return `# What is where. On one machine, so that all addresses are 127.0.0.1 with a port of their own.
apiVersion: tidemark/v1
kind: Landscape
tiers: [web, app, db]
hosts:
${hosts.join('\n')}
  - {name: ${EMPTY_SERVER}, application: reports, environment: demo}
components:
${components.join('\n')}
clusters:
  # Which of the two is active is not written here: the probe in facts.d/ordersdb says so.
  - {name: ordersdb, members: [db01, db02]}
`;
}

export const BUNDLE = 'shop-1.4.1';

export const policyYaml = (): string => `# How the shop is patched.
apiVersion: tidemark/v1
kind: PatchPolicy
metadata: {name: shop-monthly, owner: team-shop}
spec:
  select: host.env == "demo"
  bundle: {name: ${BUNDLE}}
  window: {duration: 1h, reserve: 10m, timezone: Europe/Berlin}
  approvals: [{gate: plan, need: 1}]
  tiers:
    order:                              # stopped from the top, started from the bottom
      - {name: web, minInService: 50%}
      - {name: app, minInService: 50%}
      - {name: db}
    span: host
    overrides:
      # ledger cannot roll: its tiers are stopped in order across all its servers.
      - {when: 'host.app == "ledger"', span: application}
  clusters:
${ordersPair(scriptOf('orders-db'))}
  waves:
    - {name: first, when: ${FIRST_OF_SHOP}, soak: 2s}
    - {name: ledger, when: 'host.app == "ledger"', needs: [first]}
    - {name: rest, needs: [first]}      # no "when": all that remain
  budgets:
    - {when: 'wave.failed > 0 && wave.name == "first"', then: stop}
    - {when: run.failed >= 2, then: pause}
  steps: standard
`;
