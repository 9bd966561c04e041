import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, Fleet, type FleetOptions } from './fleet.ts';
import { buildRelease, endProducts, installByHand } from './product.ts';

/** A small patch night: hosts with one product each, release 1.0.0 on them, 1.1.0 in a bundle, and a policy. */
export interface NightOptions extends FleetOptions {
  hosts: readonly {
    name: string;
    product: string;
    healthUrl?: string;
    /** Its /opt is a disk of this size, see `Fleet.startAgent`. */
    disk?: string;
  }[];
  /** YAML of the policy's `waves`, indented by two. */
  waves: string;
  /** YAML of further keys of the policy's `spec`, indented by two. */
  extra?: string;
}

export interface RunEvent {
  at: string;
  run: string;
  host?: string;
  job?: string;
  step?: string;
  event: string;
  attempt?: number;
  message?: string;
}

export class Night {
  readonly fleet: Fleet;
  private readonly options: NightOptions;

  private constructor(fleet: Fleet, options: NightOptions) {
    this.fleet = fleet;
    this.options = options;
  }

  /** Everything up to the point where a plan can be made. */
  static async prepare(options: NightOptions): Promise<Night> {
    const fleet = await Fleet.start(options);
    const night = new Night(fleet, options);
    try {
      await night.setUp();
      return night;
    } catch (error) {
      await night.stop();
      throw error;
    }
  }

  private async setUp(): Promise<void> {
    const { fleet, options } = this;
    const { hosts } = options;
    for (const { name, product, disk } of hosts) {
      await fleet.enrol(name);
      installByHand(fleet.root(name), product, '1.0.0');
      fleet.startAgent(name, disk ?? null);
    }
    await fleet.allConnected(hosts.map(({ name }) => name));
    writeFileSync(fleet.path('landscape.yaml'), landscape(options));
    writeFileSync(fleet.path('policy.yaml'), policy(options));
    await fleet.cliOk('landscape', 'import', fleet.path('landscape.yaml'));
    const products = [...new Set(hosts.map(({ product }) => product))];
    for (const product of products) {
      for (const version of ['1.0.0', '1.1.0']) {
        await fleet.cliOk('signatures', 'import', await buildRelease(fleet.path('releases'), product, version));
      }
    }
    await fleet.cliOk('bundle', 'create', 'next', ...products.flatMap(product => ['--release', `${product}@1.1.0`]));
  }

  /** Starts every component by its own script, as somebody did long ago. */
  startComponents(): void {
    for (const { name, product } of this.options.hosts) {
      const root = this.fleet.root(name);
      spawnSync(join(root, 'opt', product, 'current/bin', product), ['start'], {
        env: { PATH: process.env['PATH'], TIDEMARK_ROOT: root },
      });
    }
  }

  /** Plans, approves and applies; gives the run's id. */
  async begin(): Promise<string> {
    const { fleet } = this;
    await fleet.cliOk('plan', fleet.path('policy.yaml'), '--out', fleet.path('plan.json'));
    await fleet.cliOk('approve', fleet.path('plan.json'), '--key', fleet.path('approver.pem'));
    return (await fleet.cliJson<{ run: string }>('apply', fleet.path('plan.json'))).run;
  }

  /** Follows the run to its end; the exit status says how it went. */
  watch(run: string): Promise<CommandResult> {
    return this.fleet.cli('run', 'watch', run);
  }

  async events(run: string): Promise<RunEvent[]> {
    const text = await this.fleet.cliOk('run', 'events', run, '-o', 'jsonl');
    return text
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as RunEvent);
  }

  async stop(): Promise<void> {
    await this.fleet.stop(async () => {
      for (const { name, product } of this.options.hosts) endProducts(this.fleet.root(name), [product]);
    });
  }

  policyText(): string {
    return policy(this.options);
  }

  /** What `current` of the host's product points at. */
  deployed(host: string): string {
    const product = this.options.hosts.find(({ name }) => name === host)?.product ?? '';
    return join(this.fleet.seenRoot(host), 'opt', product, 'current');
  }
}

function landscape({ hosts }: NightOptions): string {
  const lines = ['apiVersion: tidemark/v1', 'kind: Landscape', 'hosts:'];
  for (const { name } of hosts) lines.push(`  - {name: ${name}, application: shop, environment: test}`);
  lines.push('components:');
  for (const { name, product, healthUrl } of hosts) {
    const script = `/opt/${product}/current/bin/${product}`;
    lines.push(
      `  - name: ${product}`,
      `    host: ${name}`,
      '    application: shop',
      '    tier: app',
      '    kind: service',
      `    product: ${product}`,
      `    home: /opt/${product}`,
      '    service:',
      '      provider: script',
      ...['start', 'stop', 'status'].map(verb => `      ${verb}: [${script}, ${verb}]`),
      ...(healthUrl ? [`    health: {url: "${healthUrl}", status: 200}`] : []),
    );
  }
  return `${lines.join('\n')}\n`;
}

function policy({ waves, extra }: NightOptions): string {
  return [
    'apiVersion: tidemark/v1',
    'kind: PatchPolicy',
    'metadata: {name: shop-night, owner: team-shop}',
    'spec:',
    '  select: host.application == "shop"',
    '  bundle: {name: next}',
    '  window: {duration: 2h, reserve: 5m, timezone: Europe/Berlin}',
    '  tiers: {span: host, order: [{name: app}]}',
    '  waves:',
    waves,
    ...(extra ? [extra] : []),
    '  steps: standard',
    '',
  ].join('\n');
}
