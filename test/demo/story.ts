import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUNDLE, landscapeYaml, policyYaml } from './files.ts';
import { agentsReady, FLEET, startAgent, startController } from './fleet.ts';
import { type Places, repository } from './places.ts';
import type { Register } from './processes.ts';
import { type Call, commandLine, createCall } from './programs.ts';
import { buildReleases, NEW_VERSION, OLD_VERSION, PRODUCTS } from './releases.ts';
import { lineWriter, print, say, section, showCommand, showOutput } from './screen.ts';
import { buildServer, choosePorts, type Ports, placements, placeOf, SERVERS, scriptOf } from './site.ts';
import { type Counts, startTraffic } from './traffic.ts';

/** The main job of Tidemark from beginning to end. Gives a summary; throws where anything is not as it should be. */
export async function tell(places: Places, register: Register): Promise<string[]> {
  const begun = performance.now();
  const call = createCall(places, register);
  const ports = await buildSite(places);
  const { enrolment } = await setUp(places, register, call, ports);
  await connectAgents(places, register, call, enrolment);
  await learnReleases(places, call);
  const plan = await planAndApprove(places, call);
  const noticed = await patch(call, plan, ports);
  await prove(call);
  await spoil(places, call);
  return [
    `${SERVERS.length} servers went from ${OLD_VERSION} to ${NEW_VERSION}, as one approved plan said, in ${Math.round((performance.now() - begun) / 1000)} s`,
    ...noticed,
    'the pair was identical afterwards; a file changed, one added and one removed by hand were all found',
  ];
}

async function buildSite(places: Places): Promise<Ports> {
  section('Eight servers, as their administrators left them');
  const ports = await choosePorts();
  for (const server of SERVERS) {
    buildServer(server, places.rootOf(server.name), ports);
    mkdirSync(places.agentOf(server.name), { recursive: true });
  }
  await buildReleases(places.releases);
  // From the back, so that everybody finds what they need.
  for (const tier of ['db', 'app', 'web'] as const) {
    const starting = placements().filter(({ product }) => product.tier === tier);
    await Promise.all(starting.map(({ server, product }) => component(places, server.name, product.name, 'start')));
  }
  say(`orders: web01 web02, app01 app02, db01 db02 (a pair); ledger: led01 (web and app), led02 (database)`);
  say(`${placements().length} components run release ${OLD_VERSION}; each is a process of its own with an HTTP port`);
  return ports;
}

async function setUp(places: Places, register: Register, call: Call, ports: Ports) {
  section('A controller, an approver, a landscape');
  const started = await startController(places, register, call);
  say(`tidemark controller is up at ${started.url}, with a private PostgreSQL of its own`);
  const file = (name: string) => join(places.desk, name);
  writeFileSync(file('landscape.yaml'), landscapeYaml(ports));
  writeFileSync(file('policy.yaml'), policyYaml());
  await shown(call, ['key', 'create', '--out', 'approver.key']);
  const approver = ['--approver', 'alice=approver.key.pub', '--key', 'approver.key'];
  await shown(call, ['trust', 'create', '--fleet', FLEET, ...approver, '--out', 'trust-root.json']);
  await shown(call, ['trust', 'install', 'trust-root.json']);
  await shown(call, ['landscape', 'import', 'landscape.yaml']);
  return started;
}

async function connectAgents(places: Places, register: Register, call: Call, enrolment: string): Promise<void> {
  section('Eight agents, each enrolled with a token that counts once');
  const trustRoot = join(places.desk, 'trust-root.json');
  // Two at a time: more would only wait for the processor.
  const waiting = [...SERVERS];
  const enrolNext = async (): Promise<void> => {
    for (let server = waiting.shift(); server; server = waiting.shift())
      await startAgent(places, register, call, server, enrolment, trustRoot);
  };
  await Promise.all([enrolNext(), enrolNext()]);
  showCommand('tidemark get hosts');
  showOutput(await agentsReady(call));
}

async function learnReleases(places: Places, call: Call): Promise<void> {
  section('Two releases are known file by file; the new one becomes a bundle');
  const archives = [OLD_VERSION, NEW_VERSION].flatMap(version =>
    PRODUCTS.map(product => join(places.releases, `${product.name}-${version}.tar.gz`)),
  );
  showCommand('tidemark signatures import releases/*.tar.gz');
  showOutput((await call('tidemark', ['signatures', 'import', ...archives])).stdout);
  const releases = PRODUCTS.flatMap(product => ['--release', `${product.name}@${NEW_VERSION}`]);
  await call('tidemark', ['bundle', 'create', BUNDLE, ...releases]);
  showCommand(`tidemark bundle create ${BUNDLE} --release ${PRODUCTS[0]?.name}@${NEW_VERSION} ...`);
}

async function planAndApprove(places: Places, call: Call): Promise<string> {
  section('The plan: who, what, in which order, why, and who is left out');
  await shown(call, ['plan', 'policy.yaml', '--out', 'plan.json']);
  await shown(
    call,
    ['approve', 'plan.json', '--key', 'approver.key', '--yes'],
    output => output.split('\n').at(-2) ?? '',
  );
  return join(places.desk, 'plan.json');
}

/** Runs the plan while users send requests; gives what they noticed. */
async function patch(call: Call, plan: string, ports: Ports): Promise<string[]> {
  section('The run');
  const front = (host: string, product: string) => `http://127.0.0.1:${ports[placeOf(product, host)]}/book`;
  const orders = startTraffic({
    urls: [front('web01', 'orders-web'), front('web02', 'orders-web')],
    everyMs: 50,
    timeoutMs: 8_000,
  });
  const ledger = startTraffic({ urls: [front('led01', 'ledger-web')], everyMs: 100, timeoutMs: 8_000 });
  try {
    await follow(call, plan);
  } finally {
    await Promise.all([orders.stop(), ledger.stop()]);
  }
  section('What users noticed');
  const noticed = [trafficLine('orders', orders.counts()), trafficLine('ledger', ledger.counts())];
  for (const line of noticed) say(line);
  const { notAnswered, lastError } = orders.counts();
  if (notAnswered > 0) throw new Error(`orders did not answer ${notAnswered} times: ${lastError}`);
  return noticed;
}

async function follow(call: Call, plan: string): Promise<void> {
  showCommand('tidemark apply plan.json');
  const run = (await call('tidemark', ['apply', plan, '-o', 'name'])).stdout.trim();
  showCommand(`tidemark run watch ${run}`);
  const lines = lineWriter(line => print(`     ${line}`.trimEnd()));
  await call('tidemark', ['run', 'watch', run], { onOutput: text => lines.push(text) });
  lines.end();
  const { stdout } = await call('tidemark', ['run', 'events', run, '-o', 'jsonl']);
  say(`${stdout.trim().split('\n').length} events: tidemark run events ${run} -o jsonl`);
}

function trafficLine(name: string, { answered, notAnswered, outagesMs, slowestMs }: Counts): string {
  const outage =
    outagesMs.length === 0 ? 'no outage' : `outage ${outagesMs.map(ms => `${(ms / 1000).toFixed(1)} s`).join(', ')}`;
  return `${name}: ${answered} requests answered, ${notAnswered} not; ${outage}; slowest answer ${slowestMs} ms`;
}

async function prove(call: Call): Promise<void> {
  section('What is on the servers now, judged by their files');
  showCommand('tidemark identify HOST');
  for (const server of SERVERS) {
    const { stdout } = await call('tidemark', ['identify', server.name]);
    showOutput(stdout);
    for (const product of server.products) {
      if (!stdout.includes(`${product.name} ${NEW_VERSION}`))
        throw new Error(`${server.name} should have ${product.name} ${NEW_VERSION}, complete`);
    }
  }
  await shown(call, ['drift', 'db01', 'db02']);
}

async function spoil(places: Places, call: Call): Promise<void> {
  section('Somebody changes one file on db02, adds one and removes one');
  const release = join(places.rootOf('db02'), 'opt/orders-db/current');
  writeFileSync(join(release, 'lib/db.mjs'), '// a quick fix in production\n', { flag: 'a' });
  writeFileSync(join(release, 'bin/helper'), '#!/bin/sh\nexec sh\n');
  chmodSync(join(release, 'bin/helper'), 0o755);
  rmSync(join(release, 'share/terms.txt'));
  await shown(call, ['scan', 'db02']);
  await shown(call, ['drift', 'db02'], undefined, [3]);
}

/** Runs a command of the CLI and prints it with its output. */
async function shown(
  call: Call,
  argv: readonly string[],
  choose: (output: string) => string = output => output,
  expect: readonly number[] = [0],
): Promise<void> {
  showCommand(commandLine('tidemark', argv));
  const { stdout, stderr } = await call('tidemark', argv, { expect });
  const output = choose(stdout.trim() === '' ? stderr : stdout);
  if (output.trim() !== '') showOutput(output);
}

/** Starts or stops a component as its administrators do. */
async function component(places: Places, server: string, product: string, what: 'start' | 'stop'): Promise<void> {
  const root = places.rootOf(server);
  await new Promise<void>((resolve, reject) => {
    execFile(
      join(root, scriptOf(product)),
      [what],
      { cwd: root, env: { ...process.env, TIDEMARK_ROOT: root } },
      (error, stdout, stderr) => (error ? reject(new Error(`${product} on ${server}: ${stdout}${stderr}`)) : resolve()),
    );
  });
}

/** How to go on by hand with what `--keep` leaves. */
export function howToLook(places: Places): string[] {
  return [
    `export TIDEMARK_CONFIG=${join(places.desk, 'contexts.json')}`,
    `export PATH=${join(repository, 'dist')}:$PATH`,
    'tidemark get hosts',
    'tidemark get runs',
    // The demo's controller is a new one each time, so this is its first run.
    'tidemark describe run r1',
    'tidemark run events r1',
    'tidemark drift db02',
    `logs: ${places.logs}; policy, landscape and plan: ${places.desk}`,
    'the next "npm run demo" ends all of it and begins anew; "npm run demo -- --stop" only ends it',
  ];
}
