import { digestOf } from '@tidemark/shared/base/digest.ts';
import type { Result } from '@tidemark/shared/base/result.ts';
import { type CompiledPlan, compile } from '../compile.ts';
import type { PlanError } from '../errors.ts';
import type { CompileInput, PlannerBundle, PlannerComponent, PlannerHost } from '../input.ts';
import { parsePolicy } from '../parse-policy.ts';

/** Saturday, 2026-11-21 20:00 UTC. */
export const NOW = 1_795_291_200_000;

/** Version 4 in form, and made of the name, so that tests read alike on every run. */
export function hostIdOf(name: string): string {
  const hex = digestOf(Buffer.from(name)).slice('sha256:'.length);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export const host = (name: string, application: string, more: Partial<PlannerHost> = {}): PlannerHost => ({
  name,
  application,
  environment: 'prod',
  tags: [],
  attributes: {},
  ...more,
});

export function component(
  name: string,
  on: string,
  tier: string | null,
  more: Partial<PlannerComponent> = {},
): PlannerComponent {
  const script = `/opt/${name}/current/bin/${name}`;
  return {
    name,
    host: on,
    application: name.split('-')[0] ?? null,
    tier,
    kind: tier === 'db' ? 'database' : 'service',
    product: name,
    home: `/opt/${name}`,
    service: { provider: 'script', start: [script, 'start'], stop: [script, 'stop'], status: [script, 'status'] },
    health: { url: `http://${on}:8080/health`, status: 200, text: null },
    perHostConfig: [],
    ...more,
  };
}

export function bundleOf(products: readonly string[], version = '1.4.1'): PlannerBundle {
  return {
    name: `shop-${version}`,
    digest: digestOf(Buffer.from(version)),
    releases: products.map(product => ({
      product,
      version,
      artifact: {
        name: `${product}-${version}.tar.gz`,
        digest: digestOf(Buffer.from(`${product} ${version}`)),
        bytes: 1_000_000,
      },
      unpackedBytes: 3_000_000,
    })),
    packages: [],
  };
}

/** What an agent reports of a host with these products. */
export function factsOf(products: readonly string[], version = '1.4.0', more: Record<string, unknown> = {}) {
  const releases = products.map(
    product => [product, { home: `/opt/${product}`, version, available: [version] }] as const,
  );
  return {
    facts: { releases: Object.fromEntries(releases), ...more } as Record<string, unknown>,
    observedAt: NOW - 60_000,
  };
}

const HOSTS = [
  ...['web01', 'web02', 'app01', 'app02', 'db01', 'db02'].map(name => host(name, 'orders')),
  ...['led01', 'led02'].map(name => host(name, 'ledger')),
];
const COMPONENTS = [
  component('orders-web', 'web01', 'web'),
  component('orders-web', 'web02', 'web'),
  component('orders-app', 'app01', 'app'),
  component('orders-app', 'app02', 'app'),
  component('orders-db', 'db01', 'db'),
  component('orders-db', 'db02', 'db'),
  component('ledger-web', 'led01', 'web'),
  component('ledger-app', 'led01', 'app'),
  component('ledger-db', 'led02', 'db'),
];
const PRODUCTS = [...new Set(COMPONENTS.map(({ name }) => name))];

/** Two applications on eight hosts: orders rolls and has a database pair of which db01 is active, ledger cannot roll. */
export function shop(): Omit<CompileInput, 'policy'> {
  const facts = new Map(
    HOSTS.map(({ name }) => {
      const products = COMPONENTS.filter(each => each.host === name).map(each => each.product ?? '');
      const role = name === 'db01' ? 'active' : 'standby';
      return [hostIdOf(name), factsOf(products, '1.4.0', name.startsWith('db') ? { ordersdb: { role } } : {})] as const;
    }),
  );
  return {
    landscape: {
      version: 3,
      hosts: HOSTS,
      components: COMPONENTS,
      clusters: [{ name: 'ordersdb', members: ['db01', 'db02'] }],
    },
    bundle: bundleOf(PRODUCTS),
    installedBytes: new Map([['orders-db 1.4.0', 5_000_000]]),
    agents: new Map(HOSTS.map(({ name }) => [name, { id: hostIdOf(name), state: 'enrolled' as const }])),
    facts,
    history: [],
    factsMaxAgeMs: 3_600_000,
    fleet: 'test-fleet',
    trustRoot: null,
    author: 'ada',
    now: NOW,
    at: NOW,
  };
}

const CLUSTERS =
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the policy language's own placeholder.
  '[{name: ordersdb, activeWhen: facts.ordersdb.role == "active", handover: {uses: cluster/handover, with: {command: [/bin/handover, "${peer.name}"], confirm: [/bin/is-standby]}}}]';

/** The parts of a policy's `spec`, each as YAML; given ones replace those that fit {@link shop}, and null leaves one out. */
export type PolicyParts = Partial<Record<string, string | null>>;

export function policyText(parts: PolicyParts = {}): string {
  const spec: PolicyParts = {
    select: 'host.env == "prod"',
    bundle: '{name: shop-1.4.1}',
    window: '{duration: 4h, reserve: 30m, timezone: Europe/Berlin}',
    tiers:
      '{order: [{name: web, minInService: 50%}, {name: app, minInService: 50%}, {name: db}], overrides: [{when: host.app == "ledger", span: application}]}',
    clusters: CLUSTERS,
    ...parts,
  };
  const lines = Object.entries(spec).flatMap(([key, value]) => (value === null ? [] : [`  ${key}: ${value}`]));
  return [
    'apiVersion: tidemark/v1',
    'kind: PatchPolicy',
    'metadata: {name: shop-monthly, owner: team-shop}',
    'spec:',
    ...lines,
    '',
  ].join('\n');
}

/** Reads a policy and compiles it: errors of both. */
export function planOf(
  parts: PolicyParts = {},
  changes: Partial<Omit<CompileInput, 'policy'>> = {},
): Result<CompiledPlan, PlanError[]> {
  const policy = parsePolicy(policyText(parts), 'policy.yaml');
  return policy.ok ? compile({ ...shop(), ...changes, policy: policy.value }) : policy;
}

/** The plan, or a failed test that says why there is none. */
export function planned(parts: PolicyParts = {}, changes: Partial<Omit<CompileInput, 'policy'>> = {}): CompiledPlan {
  const plan = planOf(parts, changes);
  if (!plan.ok) throw new Error(plan.error.map(errorText).join('\n'));
  return plan.value;
}

/** What is wrong, as `line:column message`. */
export function errorsOf(parts: PolicyParts = {}, changes: Partial<Omit<CompileInput, 'policy'>> = {}): string[] {
  const plan = planOf(parts, changes);
  return plan.ok ? [] : plan.error.map(errorText);
}

export const errorText = ({ line, column, message }: PlanError): string =>
  line === undefined ? message : `${line}:${column} ${message}`;

/** The shop with other facts for some hosts; null takes them away. */
export function withFacts(changes: Record<string, ReturnType<typeof factsOf> | null>): Pick<CompileInput, 'facts'> {
  const facts = new Map(shop().facts);
  for (const [name, found] of Object.entries(changes)) {
    if (found) facts.set(hostIdOf(name), found);
    else facts.delete(hostIdOf(name));
  }
  return { facts };
}

/** The jobs of a host, in their order. */
export const jobsOf = (plan: ReturnType<typeof planned>, name: string) =>
  plan.orders.find(order => order.host.name === name)?.jobs ?? [];

/** The same, by their ids. */
export const jobIdsOf = (plan: ReturnType<typeof planned>, name: string) => jobsOf(plan, name).map(({ id }) => id);

/** A calendar with one event. */
export const freeze = (start: string, end: string) =>
  `BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\nSUMMARY:close\nDTSTART:${start}\nDTEND:${end}\nEND:VEVENT\nEND:VCALENDAR\n`;
