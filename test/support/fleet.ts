import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/*
 * A whole Tidemark for end-to-end tests: the built programs as processes, in a directory of their own. What it does, it
 * does as a person would, through the command line; what it kills are its own children, by pid.
 */

const DIST = join(import.meta.dirname, '../../dist');
const CLI = join(DIST, 'tidemark.mjs');
const AGENT = join(DIST, 'tidemark-agent.mjs');
/** For what hangs: a controller that starts on a machine where everything else starts too takes a minute. */
const READY_WITHIN_MS = 180_000;

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface FleetPorts {
  api: number;
  link: number;
  enrol: number;
}

export interface FleetOptions {
  /** More lines of the controller's settings. */
  controller?: readonly string[];
  /** Names; `ada` is one of them, and each can approve alone. */
  approvers?: readonly string[];
  /** Of the controller's process. */
  nodeOptions?: readonly string[];
}

export class Fleet {
  readonly directory: string;
  readonly ports: FleetPorts;
  private controller: ChildProcess | null = null;
  private readonly agents = new Map<string, ChildProcess>();
  private readonly nodeOptions: readonly string[];

  private constructor(directory: string, ports: FleetPorts, nodeOptions: readonly string[]) {
    this.directory = directory;
    this.ports = ports;
    this.nodeOptions = nodeOptions;
  }

  /** A controller that answers, with its administrator logged in and a trust root. */
  static async start({ controller = [], approvers = ['ada'], nodeOptions = [] }: FleetOptions = {}): Promise<Fleet> {
    const [api = 0, link = 0, enrol = 0] = await freePorts(3);
    const fleet = new Fleet(mkdtempSync(join(tmpdir(), 'tm-e2e-')), { api, link, enrol }, nodeOptions);
    chmodSync(fleet.directory, 0o755);
    writeFileSync(
      fleet.path('controller.yaml'),
      [
        'fleet: test',
        `apiListen: 127.0.0.1:${api}`,
        `linkListen: 127.0.0.1:${link}`,
        `enrolListen: 127.0.0.1:${enrol}`,
        ...controller,
        '',
      ].join('\n'),
    );
    try {
      await fleet.setUp(approvers);
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  private async setUp(approvers: readonly string[]): Promise<void> {
    await this.startController();
    await this.cliOk(
      'login',
      `https://127.0.0.1:${this.ports.api}`,
      '--token-file',
      this.state('admin.token'),
      '--ca-file',
      this.state('ca.pem'),
    );
    for (const approver of approvers) await this.cliOk('key', 'create', '--out', this.keyOf(approver));
    await this.cliOk(
      'trust',
      'create',
      '--fleet',
      'test',
      ...approvers.flatMap(approver => ['--approver', `${approver}=${this.keyOf(approver)}`]),
      '--key',
      this.keyOf('ada'),
      '--out',
      this.path('trust-root.json'),
    );
    await this.cliOk('trust', 'install', this.path('trust-root.json'));
  }

  path(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  /** The file of an approver's private key. */
  keyOf(approver: string): string {
    return this.path(approver === 'ada' ? 'approver.pem' : `${approver}.pem`);
  }

  /** A path in the controller's state directory. */
  state(...parts: string[]): string {
    return this.path('controller', ...parts);
  }

  root(host: string): string {
    return this.path('hosts', host, 'root');
  }

  agentState(host: string): string {
    return this.path('hosts', host, 'state');
  }

  // -- controller -----------------------------------------------------------------------------------------------------

  async startController(): Promise<void> {
    const settings = ['--state', this.state(), '--config', this.path('controller.yaml')];
    this.controller = this.spawnProcess('controller', process.execPath, [
      ...[...this.nodeOptions, CLI, 'controller'],
      ...settings,
    ]);
    await until('the controller answers', async () => {
      if (this.controller?.exitCode !== null) throw new Error(`the controller ended:\n${this.log('controller')}`);
      if (!existsSync(this.state('ca.pem'))) return false;
      return (
        (await this.cli('health', '--url', `https://127.0.0.1:${this.ports.api}`, '--ca-file', this.state('ca.pem')))
          .code === 0
      );
    });
  }

  /** Of the controller's own process. Throws where it is not running. */
  get controllerPid(): number {
    if (this.controller?.pid === undefined) throw new Error('the controller is not running');
    return this.controller.pid;
  }

  /** Ends the controller's process, and only that: its private database is left as a crash leaves it. */
  async killController(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await end(this.controller, signal);
    this.controller = null;
  }

  // -- command line ---------------------------------------------------------------------------------------------------

  cli(...args: string[]): Promise<CommandResult> {
    return run(process.execPath, [CLI, ...args], this.environment());
  }

  async cliOk(...args: string[]): Promise<string> {
    const result = await this.cli(...args);
    if (result.code !== 0)
      throw new Error(`tidemark ${args.join(' ')} ended with ${result.code}:\n${result.stderr}${result.stdout}`);
    return result.stdout;
  }

  async cliJson<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.cliOk(...args, '-o', 'json')) as T;
  }

  // -- agents ---------------------------------------------------------------------------------------------------------

  /** Makes the host's directories and configuration and enrols it. */
  async enrol(host: string): Promise<void> {
    mkdirSync(this.root(host), { recursive: true });
    writeFileSync(
      this.path('hosts', host, 'policy.yaml'),
      ['kinds: ["*"]', 'programs: ["/opt/*/current/bin/*"]', ''].join('\n'),
      { mode: 0o600 },
    );
    writeFileSync(
      this.path('hosts', host, 'agent.yaml'),
      [
        `stateDir: ${this.agentState(host)}`,
        `root: ${this.root(host)}`,
        `policy: ${this.path('hosts', host, 'policy.yaml')}`,
        `trustRoot: ${this.path('trust-root.json')}`,
        '',
      ].join('\n'),
      { mode: 0o600 },
    );
    const token = this.path('hosts', host, 'token');
    await this.cliOk('enrol', 'token', host, '--out', token);
    const enrolled = await this.agentCli(
      host,
      'enrol',
      '--controller',
      `127.0.0.1:${this.ports.enrol}`,
      '--token-file',
      token,
    );
    if (enrolled.code !== 0) throw new Error(`${host} was not enrolled:\n${enrolled.stderr}`);
  }

  agentCli(host: string, ...args: string[]): Promise<CommandResult> {
    return run(
      process.execPath,
      [AGENT, ...args, '--config', this.path('hosts', host, 'agent.yaml')],
      this.environment(),
    );
  }

  /**
   * With `disk` (as mount's tmpfs has a size: `1m`), what lies in the server's /opt moves onto a disk of that size, in a
   * mount namespace that ends with the agent. Only where `canMount()`.
   */
  startAgent(host: string, disk: string | null = null): void {
    const args = ['run', '--config', this.path('hosts', host, 'agent.yaml')];
    const opt = join(this.root(host), 'opt');
    const child =
      disk === null
        ? this.spawn(host, AGENT, args)
        : this.spawnProcess(host, 'unshare', [
            ...['-m', 'sh', '-c'],
            `cp -a "$0" "$0.seed" && mount -t tmpfs -o size=${disk} tmpfs "$0" && cp -a "$0.seed/." "$0" && exec "$@"`,
            ...[opt, process.execPath, AGENT, ...args],
          ]);
    this.agents.set(host, child);
  }

  /** The server's root as its agent sees it, with the disks that only the agent has. */
  seenRoot(host: string): string {
    const agent = this.agents.get(host);
    return agent?.pid === undefined ? this.root(host) : `/proc/${agent.pid}/root${this.root(host)}`;
  }

  async killAgent(host: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await end(this.agents.get(host) ?? null, signal);
    this.agents.delete(host);
  }

  async allConnected(hosts: readonly string[]): Promise<void> {
    await until(`${hosts.join(', ')} are connected`, async () => {
      const known = await this.cliJson<{ name: string; connected: boolean }[]>('get', 'hosts');
      return hosts.every(host => known.some(({ name, connected }) => name === host && connected));
    });
  }

  // -- the end --------------------------------------------------------------------------------------------------------

  log(name: string): string {
    const file = this.path(`${name}.log`);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** Ends everything and removes the directory. Components that steps started are ended by `also`. */
  async stop(also: () => Promise<void> = async () => {}): Promise<void> {
    for (const host of [...this.agents.keys()]) await this.killAgent(host, 'SIGTERM');
    await also();
    await this.killController('SIGTERM');
    rmSync(this.directory, { recursive: true, force: true });
  }

  private spawn(name: string, program: string, args: string[]): ChildProcess {
    return this.spawnProcess(name, process.execPath, [program, ...args]);
  }

  private spawnProcess(name: string, file: string, args: string[]): ChildProcess {
    const log = openSync(this.path(`${name}.log`), 'a');
    const child = spawn(file, args, { stdio: ['ignore', log, log], env: this.environment() });
    closeSync(log);
    return child;
  }

  private environment(): NodeJS.ProcessEnv {
    const { PATH, NODE_COMPILE_CACHE } = process.env;
    return { PATH, NODE_COMPILE_CACHE, HOME: this.directory, TIDEMARK_CONFIG: this.path('cli'), NO_COLOR: '1' };
  }
}

/** Whether this machine lets a test have a file system of its own. */
export const canMount = (): boolean =>
  spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt'], { stdio: 'ignore' }).status === 0;

/**
 * Waits until `condition` holds; fails with `what` after some minutes, with whatever the condition last threw. A look that takes
 * long (a command line starts a process) is not repeated at once.
 */
export async function until(
  what: string,
  condition: () => Promise<boolean> | boolean,
  withinMs = READY_WITHIN_MS,
): Promise<void> {
  const end = performance.now() + withinMs;
  for (;;) {
    const begun = performance.now();
    if (await condition()) return;
    const now = performance.now();
    if (now > end) throw new Error(`not within ${withinMs / 1000} s: ${what}`);
    await new Promise(resolve => setTimeout(resolve, Math.max(100, Math.min(now - begun, 2_000))));
  }
}

/** As many TCP ports as asked for, free on the loopback address a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer();
          server.once('error', reject).listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map(server => (server.address() as { port: number }).port);
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
  return ports;
}

function run(program: string, args: string[], env: NodeJS.ProcessEnv): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', text => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', text => {
      stderr += text;
    });
    child.on('error', reject).on('close', code => resolve({ code, stdout, stderr }));
  });
}

async function end(child: ChildProcess | null, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise(resolve => child.once('exit', resolve));
  child.kill(signal);
  await ended;
}
