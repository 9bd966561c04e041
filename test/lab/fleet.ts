import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT, AGENT_UNIT, type AgentSettings, installAgent } from './agent.ts';
import { CommandFailed, type Ended, run, until } from './command.ts';
import type { Host } from './host.ts';
import { Lab, type LabOptions } from './lab.ts';
import { GATEWAY, inNamespace, type LabPlaces, repositoryRoot } from './places.ts';
import type { StartedProgram } from './programs.ts';

const CLI = join(repositoryRoot, 'dist/tidemark.mjs');
const PORTS = { api: 7443, link: 7444, enrol: 7445 };
const URL = `https://${GATEWAY}:${PORTS.api}`;
const FLEET = 'lab';
const APPROVER = 'approver.key';
const TRUST_ROOT = 'trust-root.json';
const CONFIG = 'controller.yaml';
/** A plan asks every agent what it knows; hundreds of them share two processors here. */
const PLANNED_WITHIN = '10m';
/** After its enrolment, for each host of the fleet: agents that start side by side wait for the same processors. */
const CONNECTED_WITHIN_MS = { atLeast: 60_000, eachHost: 2_000 };

export interface FleetOptions extends LabOptions, AgentSettings {
  /** What is done on each host before its agent is enrolled: what the agent finds there is known from the start. */
  prepare?: (host: Host) => Promise<void>;
  /** More of the controller's settings: `{silenceMs: 30_000}`. */
  controller?: Readonly<Record<string, string | number>>;
}

interface KnownHost {
  name: string;
  connected: boolean;
}

export interface Incident {
  id: number;
  run: string | null;
  host: string | null;
  title: string;
  detail: string;
}

export interface RunEvent {
  host: string | null;
  job: string | null;
  event: string;
  attempt: number | null;
  /** Of jobs: `forward` or `undo`. */
  direction?: string;
  message?: string;
}

/**
 * A lab with a Tidemark on it: the built controller at the gateway, and on every host the agent as its unit, enrolled by
 * a token. What is done with it is done by the command line, in a directory of its own, the desk.
 */
export class LabFleet {
  readonly lab: Lab;
  private controller: StartedProgram | null = null;
  private plans = 0;

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  static async start(options: FleetOptions = {}): Promise<LabFleet> {
    const lab = await Lab.start(options);
    try {
      const fleet = new LabFleet(lab);
      await fleet.setUpController(options.controller ?? {});
      await lab.inTurn(async host => {
        await options.prepare?.(host);
        await fleet.enrol(host, options);
      });
      await fleet.allConnected();
      return fleet;
    } catch (error) {
      await lab.down().catch((problem: Error) => options.say?.(problem.message));
      throw error;
    }
  }

  host(name: string): Host {
    return this.lab.host(name);
  }

  down(): Promise<void> {
    return this.lab.down();
  }

  /** A file on the desk. */
  desk(name: string): string {
    return join(this.lab.places.desk, name);
  }

  // -- controller -----------------------------------------------------------------------------------------------------

  private async setUpController(more: Readonly<Record<string, string | number>>): Promise<void> {
    const settings = {
      ...more,
      fleet: FLEET,
      apiListen: `${GATEWAY}:${PORTS.api}`,
      linkListen: `${GATEWAY}:${PORTS.link}`,
      enrolListen: `${GATEWAY}:${PORTS.enrol}`,
      publicNames: `[${GATEWAY}]`,
    };
    writeFileSync(this.desk(CONFIG), yamlLines(settings));
    await this.startController();
    const state = (name: string) => join(this.lab.places.controller, name);
    await this.cliOk('login', URL, '--token-file', state('admin.token'), '--ca-file', state('ca.pem'));
    await this.cliOk('key', 'create', '--out', APPROVER);
    const approver = ['--approver', `ada=${APPROVER}.pub`, '--key', APPROVER];
    await this.cliOk('trust', 'create', '--fleet', FLEET, ...approver, '--out', TRUST_ROOT);
    await this.cliOk('trust', 'install', TRUST_ROOT);
  }

  async startController(): Promise<void> {
    const { places } = this.lab;
    const argv = [process.execPath, CLI, 'controller', '--state', places.controller, '--config', this.desk(CONFIG)];
    const controller = this.lab.startAtGateway('controller', argv, environment(places));
    this.controller = controller;
    const ca = join(places.controller, 'ca.pem');
    await until('the controller answers', async () => {
      if (controller.hasEnded()) throw new CommandFailed(`the controller has ended:\n${controller.log()}`);
      return existsSync(ca) && (await this.cli('health', '--url', URL, '--ca-file', ca)).code === 0;
    });
  }

  /** Ends the controller's own process; its database is left as a crash leaves it. */
  async killController(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.controller?.end(signal);
    this.controller = null;
  }

  /** What the controller has written. */
  controllerLog(): string {
    return this.controller?.log() ?? '';
  }

  /** Of the controller's own process; throws where it is not running. */
  get controllerPid(): number {
    if (this.controller === null || this.controller.hasEnded()) throw new Error('the controller is not running');
    return this.controller.pid;
  }

  // -- command line ---------------------------------------------------------------------------------------------------

  /** Runs `tidemark ARGS` at the gateway, on the desk. */
  cli(...args: string[]): Promise<Ended> {
    return run(cliCommand(this.lab.places, args), { cwd: this.lab.places.desk, env: environment(this.lab.places) });
  }

  async cliOk(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.cli(...args);
    if (code !== 0) throw new CommandFailed(`tidemark ${args.join(' ')} ended with ${code}:\n${stderr}${stdout}`);
    return stdout;
  }

  async cliJson<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.cliOk(...args, '-o', 'json')) as T;
  }

  async importLandscape(landscape: string): Promise<void> {
    writeFileSync(this.desk('landscape.yaml'), landscape);
    await this.cliOk('landscape', 'import', 'landscape.yaml');
  }

  /** Which hosts a policy selects and leaves out, and why. Plans anew, so that every agent is asked what it knows. */
  async leftOut(policy: string): Promise<Map<string, string>> {
    const file = 'policy-tried.yaml';
    writeFileSync(this.desk(file), policy);
    const asked = ['plan', file, '--timeout', PLANNED_WITHIN] as const;
    const { header } = await this.cliJson<{ header: { excluded: { host: string; reason: string }[] } }>(...asked);
    return new Map(header.excluded.map(({ host, reason }) => [host, reason]));
  }

  /** Plans by a policy's text; gives the plan's file. */
  async plan(policy: string): Promise<string> {
    const [file, plan] = [`policy-${++this.plans}.yaml`, `plan-${this.plans}.json`];
    writeFileSync(this.desk(file), policy);
    await this.cliOk('plan', file, '--out', plan, '--timeout', PLANNED_WITHIN);
    return plan;
  }

  /** Plans by a policy's text, approves and applies; gives the run's id. */
  async begin(policy: string): Promise<string> {
    const plan = await this.plan(policy);
    await this.cliOk('approve', plan, '--key', APPROVER, '--yes');
    return (await this.cliJson<{ run: string }>('apply', plan)).run;
  }

  /** Follows a run until it ends or waits for a person: the exit status says how it went. */
  watch(id: string): Promise<Ended> {
    return this.cli('run', 'watch', id);
  }

  /** Follows a run that must succeed; throws with all that it said and how every job stands where it does not. */
  async succeeds(id: string): Promise<void> {
    const { code, stdout, stderr } = await this.watch(id);
    if (code === 0) return;
    const described = await this.cliOk('describe', 'run', id);
    throw new CommandFailed(`run ${id} should succeed and ended with ${code}:\n${stderr}${stdout}\n${described}`);
  }

  /** Follows a run until nothing goes on without a person, or it ends; gives what it said. Throws where it has ended. */
  async waitsForPerson(id: string): Promise<string> {
    const { code, stdout, stderr } = await this.watch(id);
    if (code === 5) return stderr + stdout;
    const described = await this.cliOk('describe', 'run', id);
    throw new CommandFailed(`run ${id} should wait and ended with ${code}:\n${stderr}${stdout}\n${described}`);
  }

  /** A person's signed decision: `decide('retry', run, 'web01', 'upgrade', 'the disk has room')`. */
  decide(action: 'retry' | 'skip' | 'done', run: string, host: string, job: string, reason: string): Promise<string> {
    return this.cliOk('run', action, run, host, job, '--reason', reason, '--key', APPROVER);
  }

  incidents(): Promise<Incident[]> {
    return this.cliJson<Incident[]>('get', 'incidents');
  }

  /** The open ones about a host. */
  async incidentsOf(host: Host): Promise<Incident[]> {
    return (await this.incidents()).filter(incident => incident.host === host.name);
  }

  /** What happened in a run on a host, oldest first. */
  async events(run: string, host: Host): Promise<RunEvent[]> {
    const lines = (await this.cliOk('run', 'events', run, '-o', 'jsonl')).split('\n').filter(line => line !== '');
    return lines.map(line => JSON.parse(line) as RunEvent).filter(event => event.host === host.name);
  }

  // -- agents ---------------------------------------------------------------------------------------------------------

  private async enrol(host: Host, settings: AgentSettings): Promise<void> {
    installAgent(host, this.desk(TRUST_ROOT), settings);
    const token = `${host.name}.token`;
    await this.cliOk('enrol', 'token', host.name, '--out', token);
    const input = await run(['cat', this.desk(token)]);
    const enrolment = ['--controller', `${GATEWAY}:${PORTS.enrol}`, '--token-file', '-'];
    await host.execOk([AGENT, 'enrol', ...enrolment], { input: input.stdout });
    await host.execOk(['systemctl', 'enable', '-q', '--now', AGENT_UNIT]);
  }

  async isConnected(host: string): Promise<boolean> {
    const known = await this.cliJson<KnownHost[]>('get', 'hosts');
    return known.some(({ name, connected }) => name === host && connected);
  }

  async allConnected(): Promise<void> {
    const names = this.lab.hosts.map(({ name }) => name);
    const withinMs = Math.max(CONNECTED_WITHIN_MS.atLeast, names.length * CONNECTED_WITHIN_MS.eachHost);
    let away: string[] = [];
    await until(
      'all hosts are connected',
      async () => {
        const known = await this.cliJson<KnownHost[]>('get', 'hosts');
        const connected = new Set(known.flatMap(host => (host.connected ? [host.name] : [])));
        away = names.filter(name => !connected.has(name));
        return away.length === 0;
      },
      { withinMs, describe: () => `not connected: ${away.join(', ')}` },
    );
  }
}

export const cliCommand = (lab: LabPlaces, args: readonly string[]): string[] =>
  inNamespace(lab.bridgeNamespace, [process.execPath, CLI, ...args]);

/** The lab's own contexts, not the user's; and no DATABASE_URL, so that the controller has a database of its own. */
export function environment(lab: LabPlaces): NodeJS.ProcessEnv {
  const { DATABASE_URL: _, ...rest } = process.env;
  return { ...rest, TIDEMARK_CONFIG: join(lab.desk, 'contexts.json'), NO_COLOR: '1' };
}

const yamlLines = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('');
