import { randomUUID } from 'node:crypto';
import { chmodSync, copyFileSync, cpSync, existsSync, linkSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from './host.ts';
import { LAB_DIRECTORY, type LabPlaces, repositoryRoot } from './places.ts';

/*
 * The agent on a host, as the packaged one lies there: program and Node below /opt/tidemark-agent, settings in
 * /etc/tidemark, and the unit that is shipped.
 */

export const AGENT_HOME = '/opt/tidemark-agent';
export const AGENT = `${AGENT_HOME}/bin/tidemark-agent`;
export const AGENT_UNIT = 'tidemark-agent.service';
export const AGENT_STATE = '/var/lib/tidemark-agent';
const ETC = '/etc/tidemark';

const shipped = (name: string): string => join(repositoryRoot, 'installers/agent', name);

/**
 * Makes the directory that hosts see as /opt/tidemark-agent and gives its path: a copy, so that a build in the middle of
 * a test changes nothing on the hosts. Node itself is shared by all labs.
 */
export function agentProgram(lab: LabPlaces): string {
  const built = join(repositoryRoot, 'dist/tidemark-agent.mjs');
  if (!existsSync(built)) throw new Error(`${built} is missing. Build it first: npm run build`);
  const home = join(lab.directory, 'agent');
  for (const each of ['bin', 'lib']) mkdirSync(join(home, each), { recursive: true });
  linkSync(sharedNode(), join(home, 'bin/node'));
  for (const name of ['tidemark-agent.mjs', 'tidemark-agent'])
    cpSync(join(repositoryRoot, 'dist', name), join(home, 'lib', name), { recursive: true });
  cpSync(shipped('tidemark-agent.sh'), join(home, 'bin/tidemark-agent'));
  chmodSync(join(home, 'bin/tidemark-agent'), 0o755);
  return home;
}

function sharedNode(): string {
  const node = join(LAB_DIRECTORY, `node-${process.version}`);
  if (!existsSync(node)) {
    const fresh = `${node}.${process.pid}`;
    copyFileSync(process.execPath, fresh);
    renameSync(fresh, node);
  }
  return node;
}

export interface AgentSettings {
  /** YAML of what the host permits; what is shipped where it is left out. */
  policy?: string;
}

/** Puts settings, policy, trust root and unit in place, as the installation guide says. */
export function installAgent(host: Host, trustRoot: string, { policy }: AgentSettings = {}): void {
  host.write(`${ETC}/agent.yaml`, readFileSync(shipped('agent.yaml')));
  host.write(`${ETC}/policy.yaml`, policy ?? readFileSync(shipped('policy.yaml')));
  host.write(`${ETC}/trust-root.json`, readFileSync(trustRoot));
  host.write(`/etc/systemd/system/${AGENT_UNIT}`, readFileSync(shipped(AGENT_UNIT)));
}

/** How a single step ended, as it is written to the step's result.json. */
export interface StepEnd {
  outcome: 'succeeded' | 'failed';
  timedOut: boolean;
  message: string;
  facts: Record<string, unknown> | null;
  /** The first and the last of what was written, as text; empty where nothing was. */
  output: string;
}

export interface StepCall {
  /** `package/upgrade` */
  kind: string;
  args: Record<string, unknown>;
}

interface RawResult {
  outcome: StepEnd['outcome'];
  timedOut: boolean;
  message: string;
  facts: StepEnd['facts'];
  output: { head: string; tail: string } | null;
}

const STEP_TIMEOUT_MS = 120_000;

/**
 * Runs one step on a host and gives how it ended: the step's own child, as the executor starts it, without order, journal
 * and controller. Throws where it leaves no result, with what it had to say.
 */
export async function runStep(host: Host, call: StepCall, { timeoutMs = STEP_TIMEOUT_MS } = {}): Promise<StepEnd> {
  const directory = `${AGENT_STATE}/lab-steps/${randomUUID()}`;
  const input = {
    work: 'call',
    call,
    root: '/',
    stateDir: AGENT_STATE,
    factsDir: `${ETC}/facts.d`,
    timeoutMs,
    graceMs: 5_000,
  };
  host.write(`${directory}/call.json`, JSON.stringify(input), 0o600);
  // A session of its own, as the executor gives it one: at its timeout a step ends its whole group.
  const ended = await host.exec(['setsid', '--wait', AGENT, 'step', directory]);
  if (!host.exists(`${directory}/result.json`)) {
    throw new Error(
      `${call.kind} on ${host.name} left no result (status ${ended.code}):\n${ended.stderr}${ended.stdout}`,
    );
  }
  const { output, ...result } = JSON.parse(host.read(`${directory}/result.json`)) as RawResult;
  const text = [output?.head, output?.tail].map(part => Buffer.from(part ?? '', 'base64').toString('utf8')).join('');
  return { ...result, output: text };
}
