import type {
  CompileInput,
  PlannerBundle,
  PlannerComponent,
  PlannerHost,
  PlannerLandscape,
} from '@tidemark/controller/planner/input.ts';
import { digestOf } from '@tidemark/shared/base/digest.ts';
import type { Random } from './random.ts';

/** A fleet that does not exist, as the planner sees it, with the policy that patches it. */
export interface Landscape {
  input: Omit<CompileInput, 'policy'>;
  policyText: string;
  policyFile: string;
}

export interface LandscapeSize {
  hosts: number;
  clusters: number;
  windowMs: number;
}

/** Saturday, 2026-11-21 20:00 UTC: the simulated night begins here. */
export const NIGHT_START = 1_795_291_200_000;
export const FLEET = 'simulated';

/** Two of each of two tiers, so that one can be out. */
const ROLLING = 4;
const FROM = '1.4.0';
const TO = '1.4.1';

/** Version 4 in form, and made of the name, so that a seed gives the same ids wherever it runs. */
export function hostIdOf(name: string): string {
  const hex = digestOf(Buffer.from(name)).slice('sha256:'.length);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * A site of three-tier applications: databases as active/standby pairs, web and application servers that roll, and a
 * few applications that can only stop as a whole. How large each is, which one it is and in which site, the seed says.
 */
export function drawLandscape(random: Random, size: LandscapeSize): Landscape {
  const clusters = Math.min(size.clusters, Math.floor(size.hosts / 2));
  const draft = new Draft(random.fork('landscape'));
  draft.databases(clusters);
  draft.servers(size.hosts - 2 * clusters);
  const { hosts, components, pairs } = draft;
  const facts = Object.fromEntries(hosts.map(host => [host.name, draft.factsOf(host)]));
  const bundle = { name: 'night', digest: digestOf(Buffer.from('night')) };
  return {
    ...landscapeOf({ version: 1, hosts, components, clusters: pairs }, facts, bundle),
    policyText: drawPolicy(random.fork('policy'), size.windowMs, draft.wholes),
    policyFile: 'simulated-policy.yaml',
  };
}

/** A landscape in which an agent runs on every server, and everything has the version before the bundle's. */
export function landscapeOf(
  landscape: PlannerLandscape,
  told: Readonly<Record<string, Record<string, unknown>>>,
  bundle: Pick<PlannerBundle, 'name' | 'digest'>,
): Pick<Landscape, 'input'> {
  const { hosts, components } = landscape;
  const products = [...new Set(components.flatMap(({ product }) => product ?? []))];
  const factsOf = (host: string): Record<string, unknown> => {
    const own = components.filter(component => component.host === host);
    const releases = own.flatMap(({ product, home }) =>
      product === null
        ? []
        : [[product, { home: home ?? `/opt/${product}`, version: FROM, available: [FROM] }] as const],
    );
    return { releases: Object.fromEntries(releases), ...told[host] };
  };
  return {
    input: {
      landscape,
      bundle: {
        ...bundle,
        releases: products.map(product => ({
          product,
          version: TO,
          artifact: { name: `${product}-${TO}.tar.gz`, digest: digestOf(Buffer.from(product)), bytes: 1_000_000 },
          unpackedBytes: 3_000_000,
        })),
        packages: [],
      },
      installedBytes: new Map(),
      agents: new Map(hosts.map(({ name }) => [name, { id: hostIdOf(name), state: 'enrolled' as const }])),
      facts: new Map(hosts.map(({ name }) => [hostIdOf(name), { facts: factsOf(name), observedAt: NIGHT_START }])),
      history: [],
      factsMaxAgeMs: 3_600_000,
      fleet: FLEET,
      trustRoot: null,
      author: 'anna',
      now: NIGHT_START,
      at: NIGHT_START,
    },
  };
}

class Draft {
  readonly hosts: PlannerHost[] = [];
  readonly components: PlannerComponent[] = [];
  readonly pairs: { name: string; members: string[] }[] = [];
  /** Applications that stop as a whole. */
  readonly wholes: string[] = [];
  readonly #random: Random;
  readonly #active = new Set<string>();
  #applications = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Pairs of databases, one to three of an application. */
  databases(count: number): void {
    while (this.pairs.length < count) {
      const application = this.#application();
      const own = Math.min(this.#random.int(1, 3), count - this.pairs.length);
      for (let index = 0; index < own; index++) {
        const name = `${application}-pair${index + 1}`;
        const members = ['a', 'b'].map(letter => `${application}-db${index + 1}${letter}`);
        for (const member of members) this.#host(member, application, ['db']);
        // Not always the first by name: only the rules may bring the standby before the active member.
        this.#active.add(this.#random.pick(members));
        this.pairs.push({ name, members });
      }
    }
  }

  /** Web and application servers for the applications that are there, then for others that have no database of their own. */
  servers(count: number): void {
    let left = count;
    const waiting = Array.from({ length: this.#applications }, (_, index) => nameOf(index));
    while (left > 0) {
      // Fewer than two of each tier cannot roll.
      const known = left >= ROLLING ? waiting.shift() : undefined;
      const application = known ?? this.#application();
      const whole = left < ROLLING || (known === undefined && this.#random.chance(0.25));
      const own = Math.min(whole ? this.#random.int(2, 4) : this.#random.int(ROLLING, 9), left);
      if (whole) this.wholes.push(application);
      const web = Math.max(1, Math.floor(own / 2));
      for (let index = 0; index < own; index++) {
        const tier = index < web ? 'web' : whole && index === own - 1 ? 'db' : 'app';
        const tiers = tier === 'app' && this.#random.chance(0.2) ? ['web', 'app'] : [tier];
        this.#host(`${application}-${tier}${index + 1}`, application, tiers);
      }
      left -= own;
    }
  }

  factsOf(host: PlannerHost): Record<string, unknown> {
    const member = this.pairs.some(({ members }) => members.includes(host.name));
    return member ? { pair: { active: this.#active.has(host.name) } } : {};
  }

  #application(): string {
    return nameOf(this.#applications++);
  }

  #host(name: string, application: string, tiers: readonly string[]): void {
    const site = this.#random.pick(['north', 'south', 'east']);
    this.hosts.push({
      name,
      application,
      environment: 'prod',
      tags: [],
      attributes: { site, hypervisor: `${site}-${this.#random.int(1, 6)}` },
    });
    for (const tier of tiers) {
      const product = `${application}-${tier}`;
      const program = `/opt/${product}/current/bin/${product}`;
      this.components.push({
        name: product,
        host: name,
        application,
        tier,
        kind: tier === 'db' ? 'database' : 'service',
        product,
        home: `/opt/${product}`,
        service: {
          provider: 'script',
          start: [program, 'start'],
          stop: [program, 'stop'],
          status: [program, 'status'],
        },
        health: { url: `http://${name}:8080/health`, status: 200, text: null },
        perHostConfig: [],
      });
    }
  }
}

const nameOf = (index: number): string => `a${`${index + 1}`.padStart(2, '0')}`;

function drawPolicy(random: Random, windowMs: number, wholes: readonly string[]): string {
  const parallel = random.pick([20, 25, 40]);
  const soak = random.pick(['2m', '5m', '10m']);
  const budget = random.pick(['run.failedShare > 0.1', 'run.failedShare > 0.2', 'run.failed >= 12']);
  const whole = wholes.map(name => `"${name}"`).join(', ');
  const overrides = wholes.length > 0 ? `, overrides: [{when: 'host.app in [${whole}]', span: application}]` : '';
  return `apiVersion: tidemark/v1
kind: PatchPolicy
metadata: {name: simulated-night, owner: simulator}
spec:
  select: host.env == "prod"
  bundle: {name: night}
  window: {duration: ${Math.round(windowMs / 60_000)}m, reserve: 20m, timezone: UTC}
  tiers: {order: [{name: web, minInService: 50%}, {name: app, minInService: 50%}, {name: db}], span: host${overrides}}
  clusters:
    - name: pairs
      when: host.cluster != ""
      activeWhen: facts.pair.active == true
      handover: {uses: cluster/handover, with: {command: [/opt/pair/handover, "\${peer.name}"], confirm: [/opt/pair/is-standby]}}
      onFailure: ${random.pick(['hold-cluster', 'continue'])}
  waves:
    - {name: canary, when: host.clusterRole != "active", pick: 4, maxParallel: 4, soak: ${soak}}
    - {name: standbys, when: host.clusterRole == "standby", maxParallel: ${parallel}, soak: ${soak}}
    - {name: rest, maxParallel: ${parallel}}
  budgets:
    - {when: wave.failed > 2 && wave.name == "canary", then: stop}
    - {when: ${budget}, then: pause}
  steps:
    - {id: space, uses: check/disk}
    - {id: stage, uses: artifact/stage}
    - {id: backup, uses: snapshot/create}
    - {id: hold, uses: batch/hold}
    - {id: handover, uses: cluster/handover}
    - {id: stop, uses: service/stop}
    - {id: patch, uses: archive/install}
    - {id: reboot, uses: system/reboot, with: {when: always}, onFailure: undo-host}
    - {id: start, uses: service/start}
    - {id: verify, uses: check/http}
    - {id: release, uses: batch/release}
    - {id: fingerprint, uses: scan/run}
`;
}
