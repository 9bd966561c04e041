import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Places } from './places.ts';
import { pause, type Register } from './processes.ts';
import { type Call, CommandFailed, start } from './programs.ts';
import { freePorts, SERVERS, type Server, scriptOf } from './site.ts';

/* A controller and its agents, set up as the README tells people to set up their own. */

export const FLEET = 'demo';
const START_MS = 60_000;

/** Starts the controller and waits until its API answers a login. Gives its addresses. */
export async function startController(
  places: Places,
  register: Register,
  call: Call,
): Promise<{ url: string; enrolment: string }> {
  const [api = 0, enrolment = 0, link = 0] = await freePorts(3);
  const config = join(places.desk, 'controller.yaml');
  writeFileSync(
    config,
    `fleet: ${FLEET}
apiListen: 127.0.0.1:${api}
linkListen: 127.0.0.1:${link}
enrolListen: 127.0.0.1:${enrolment}
`,
  );
  const state = places.controllerState;
  const controller = start(places, register, 'tidemark', 'controller', [
    'controller',
    '--state',
    state,
    '--config',
    config,
  ]);
  const url = `https://127.0.0.1:${api}`;
  await until('the controller answers', controller, async () => {
    const files = ['--token-file', join(state, 'admin.token'), '--ca-file', join(state, 'ca.pem')];
    return (await call('tidemark', ['login', url, ...files], { expect: [0, 1, 2, 6, 7] })).status === 0;
  });
  return { url, enrolment: `127.0.0.1:${enrolment}` };
}

/** What this server permits, by its own file that no message can change. */
const localPolicy = (server: Server): string =>
  `# What this server permits. Nothing that arrives over the network can change it.
kinds:
  - check/*
  - artifact/stage
  - snapshot/*
  - service/*
  - archive/*
  - cluster/handover
  - scan/run
programs:
${server.products.map(product => `  - ${scriptOf(product.name)}`).join('\n')}
paths:
${server.products.map(({ name }) => `  - /opt/${name}\n  - /opt/${name}/**\n  - /etc/${name}\n  - /etc/${name}/**`).join('\n')}
`;

/** Enrols the agent of one server with a token that counts once, and starts it. */
export async function startAgent(
  places: Places,
  register: Register,
  call: Call,
  server: Server,
  enrolment: string,
  trustRoot: string,
): Promise<void> {
  const home = places.agentOf(server.name);
  const file = (name: string) => join(home, name);
  // Not writable by a group, whatever the umask is: the agent does not start with a policy that others may write.
  const put = (name: string, content: string | Buffer) => writeFileSync(file(name), content, { mode: 0o644 });
  put(
    'agent.yaml',
    `stateDir: ${file('state')}
root: ${places.rootOf(server.name)}
policy: ${file('policy.yaml')}
trustRoot: ${file('trust-root.json')}
`,
  );
  put('policy.yaml', localPolicy(server));
  put('trust-root.json', readFileSync(trustRoot));
  await call('tidemark', ['enrol', 'token', server.name, '--out', file('token')]);
  const config = ['--config', file('agent.yaml')];
  await call('tidemark-agent', ['enrol', ...config, '--controller', enrolment, '--token-file', file('token')]);
  start(places, register, 'tidemark-agent', `agent-${server.name}`, ['run', ...config]);
}

/** Waits until every agent has connected and told what is on its server. */
export async function agentsReady(call: Call): Promise<string> {
  const end = performance.now() + START_MS;
  for (;;) {
    const { stdout } = await call('tidemark', ['get', 'hosts', '-o', 'json']);
    const hosts = JSON.parse(stdout) as { name: string; connected: boolean }[];
    const missing = SERVERS.filter(server => !hosts.some(host => host.name === server.name && host.connected));
    if (missing.length === 0) return (await call('tidemark', ['get', 'hosts'])).stdout;
    if (performance.now() > end)
      throw new CommandFailed(`the agents of ${missing.map(server => server.name).join(', ')} do not connect`);
    await pause(300);
  }
}

async function until(
  what: string,
  program: { log: string; hasEnded: () => boolean },
  holds: () => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + START_MS;
  while (!(await holds())) {
    const why = program.hasEnded() ? 'it has ended' : performance.now() > end ? 'it takes too long' : null;
    if (why) {
      const tail = readFileSync(program.log, 'utf8').trimEnd().split('\n').slice(-20).join('\n');
      throw new CommandFailed(`waited until ${what}, and ${why}. The end of ${program.log}:\n${tail}`);
    }
    await pause(200);
  }
}
