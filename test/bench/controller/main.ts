import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { enrol } from '@tidemark/agent/link/enrol.ts';
import { loadIdentity } from '@tidemark/agent/link/identity.ts';
import { createClient } from '@tidemark/controller/client/client.ts';
import {
  BUNDLE,
  estateOf,
  landscapeOf,
  NEW,
  OLD,
  PRODUCT,
  policyOf,
  type Server,
} from '../../lab/great-night/estate.ts';
import { Fleet, until } from '../../support/fleet.ts';
import { buildRelease } from '../../support/product.ts';
import { ServerImage } from '../drift-trees.ts';
import { BenchAgent } from './agent.ts';
import { bundlePackages, madeUpHost, type Roles } from './host.ts';

/*
 * `npm run bench:controller [-- --hosts 200 --files 10000 --job 100]`: the memory and processor time that a controller takes
 * for a night of so many servers. Controller, database, command line and links are the real ones; the servers are made up.
 */

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '200' },
    files: { type: 'string', default: '10000' },
    job: { type: 'string', default: '100' },
    'node-option': { type: 'string', multiple: true, default: [] },
  },
});
const HOSTS = Number(values.hosts);
/** As in the nights of the lab. */
const AT_ONCE = HOSTS < 50 ? 6 : 12;
const ENROLLED_AT_ONCE = 8;
/** A night's plan is made again and again until it leaves no server out. */
const PLANS_BEFORE = 3;
const TICKS_PER_SECOND = 100;
const MIB = 1024 ** 2;

interface Look {
  at: number;
  rss: number;
  heapTotal: number;
  heapUsed: number;
  external: number;
  arrayBuffers: number;
  live: number;
  collectedMs: number;
}

const servers = estateOf(HOSTS);
const probe = join(import.meta.dirname, 'memory-probe.mjs');
console.log(`${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}, ${HOSTS} hosts`);
const looksFile = join(mkdtempSync(join(tmpdir(), 'tm-looks-')), 'looks.jsonl');
const fleet = await Fleet.start({
  nodeOptions: ['--import', `${pathToFileURL(probe)}?file=${encodeURIComponent(looksFile)}`, ...values['node-option']],
});
const agents: BenchAgent[] = [];
let since = Date.now();
try {
  console.log(
    `${'phase'.padEnd(34)} ${['VmHWM', 'peak', 'after', 'live', 'heap', 'buffers', 'cpu', 'gc'].map(name => name.padStart(9)).join('')}`,
  );
  phase('started');
  await enrolAll();
  phase('agents enrolled and connected');
  await describe();
  phase('landscape, releases and bundle');
  writeFileSync(fleet.path('policy.yaml'), policyOf(servers, AT_ONCE));
  for (let number = 0; number < PLANS_BEFORE; number++) {
    const { header } = await fleet.cliJson<{ header: { excluded: { host: string; reason: string }[] } }>(
      ...['plan', fleet.path('policy.yaml'), '--timeout', '10m'],
    );
    if (header.excluded.length > 0) throw new Error(JSON.stringify(header.excluded.slice(0, 5)));
    phase(`plan ${number + 1}`);
  }
  await fleet.cliOk('plan', fleet.path('policy.yaml'), '--timeout', '10m', '--out', fleet.path('plan.json'));
  await fleet.cliOk('approve', fleet.path('plan.json'), '--key', fleet.path('approver.pem'), '--yes');
  const { run } = await fleet.cliJson<{ run: string }>('apply', fleet.path('plan.json'));
  phase('planned, approved, applied');
  const watched = await fleet.cli('run', 'watch', run);
  phase('run');
  if (watched.code !== 0)
    throw new Error(`the run ended with ${watched.code}:\n${watched.stderr}${watched.stdout.slice(-4000)}`);
  await fleet.cliOk('run', 'show', run, '-o', 'json');
  await fleet.cliOk('run', 'events', run, '-o', 'json');
  phase('run shown, and its events');
  for (const { name } of servers.filter(({ tier }) => tier === 'app')) await fleet.cli('identify', name);
  phase('identified');
} finally {
  await Promise.all(agents.map(agent => agent.stop()));
  await fleet.stop();
  rmSync(dirname(looksFile), { recursive: true, force: true });
}

async function enrolAll(): Promise<void> {
  const client = createClient({
    url: `https://127.0.0.1:${fleet.ports.api}`,
    ca: readFileSync(fleet.state('ca.pem'), 'utf8'),
    token: readFileSync(fleet.state('admin.token'), 'utf8').trim(),
  });
  const image = new ServerImage(1, Number(values.files));
  const roles: Roles = new Map();
  const queue = [...servers];
  const enrolOne = async (server: Server): Promise<void> => {
    const stateDir = fleet.path('hosts', server.name);
    mkdirSync(stateDir, { recursive: true });
    const { token } = await client.createEnrolmentToken({ body: { host: server.name } });
    const enrolled = await enrol({
      controller: `127.0.0.1:${fleet.ports.enrol}`,
      token,
      stateDir,
      hostName: server.name,
    });
    if (!enrolled.ok) throw new Error(enrolled.error.message);
    const identity = loadIdentity(stateDir);
    if (!identity.ok) throw new Error(identity.error);
    const host = madeUpHost(server, image, roles);
    agents.push(new BenchAgent({ identity: identity.value, stateDir, host, jobMs: Number(values.job) }));
  };
  await Promise.all(
    Array.from({ length: ENROLLED_AT_ONCE }, async () => {
      for (let server = queue.shift(); server; server = queue.shift()) await enrolOne(server);
    }),
  );
  client.close();
  await until('all are connected', () => agents.every(agent => agent.isConnected));
}

async function describe(): Promise<void> {
  for (const version of [OLD, NEW])
    await fleet.cliOk('signatures', 'import', await buildRelease(fleet.path('releases'), PRODUCT, version));
  writeFileSync(fleet.path('landscape.yaml'), landscapeOf(servers));
  await fleet.cliOk('landscape', 'import', fleet.path('landscape.yaml'));
  const packages = bundlePackages().flatMap(each => ['--package', each]);
  await fleet.cliOk('bundle', 'create', BUNDLE, ...packages, '--release', `${PRODUCT}@${NEW}`);
}

/** Prints what the controller took since the phase before. */
function phase(name: string): void {
  const looks = readFileSync(looksFile, 'utf8')
    .split('\n')
    .filter(line => line.endsWith('}'))
    .map(line => JSON.parse(line) as Look)
    .filter(({ at }) => at >= since);
  since = Date.now();
  const most = (key: keyof Look) => Math.max(0, ...looks.map(look => look[key]));
  const last = looks.at(-1);
  const mib = (bytes: number) => `${Math.round(bytes / MIB)}`.padStart(9);
  const pid = fleet.controllerPid;
  console.log(
    `${name.padEnd(34)} ${mib(kibOf(pid, 'VmHWM') * 1024)}${mib(most('rss'))}${mib(last?.rss ?? 0)}${mib(last?.live ?? 0)}${mib(most('heapTotal'))}${mib(most('external'))}${`${cpuSecondsOf(pid).toFixed(1)} s`.padStart(9)}${`${((last?.collectedMs ?? 0) / 1000).toFixed(1)} s`.padStart(9)}`,
  );
}

function kibOf(pid: number, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
}

/** proc(5): utime and stime. */
function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
