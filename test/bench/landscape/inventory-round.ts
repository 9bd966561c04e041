import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { readKept } from '@tidemark/agent/inventory/kept.ts';
import { digestOf } from '@tidemark/shared/base/digest.ts';
import { startCountingProxy } from '../../support/counting-proxy.ts';
import { startAgentLink, startFleet } from '../../support/fleet-link.ts';
import { kilobytes, median, row } from '../table.ts';

/*
 * `node test/bench/landscape/inventory-round.ts`: a round of the inventory of a host on which nothing has changed. The bytes
 * are those of the encrypted connection, both ways, from the question to the answer. The processor time is that of the look's
 * process, of the built agent on this machine, with every program that it starts.
 */

const LIMIT_BYTES = 1_000;
const LIMIT_MS = 300;
const ROUNDS = 7;
const BUILT = join(import.meta.dirname, '../../../dist/tidemark-agent.mjs');
/** As the executor starts it. */
const NODE = [
  ...[process.execPath, '--disable-warning=ExperimentalWarning', '--max-semi-space-size=1'],
  ...['--heap-growing-percent=20', '--no-memory-protection-keys'],
];

async function bytesOfRound(): Promise<number> {
  const fleet = await startFleet();
  const proxy = await startCountingProxy(fleet.linkPort);
  try {
    const agent = await fleet.agent('db01');
    const { link, heard } = startAgentLink({
      ...agent,
      identity: { ...agent.identity, linkAddress: `127.0.0.1:${proxy.port}` },
    });
    link.start();
    await heard.until(message => message.type === 'connected');
    const root = digestOf(Buffer.from('the inventory of this host'));
    const counts: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      // What the connection itself had to say has been said.
      await new Promise(resolve => setTimeout(resolve, 300));
      const before = proxy.bytes();
      const request = `round ${round}`;
      fleet.server.sessions.send(agent.hostId, { type: 'observe-facts', request, known: root });
      await heard.until(message => message.type === 'observe-facts' && message.request === request);
      link.deliver({ type: 'facts-offer', request, atMs: Date.now(), root, sections: [] });
      await fleet.heard.until(
        ({ call, value }) => call === 'factsOffer' && (value as { request: string }).request === request,
      );
      counts.push(proxy.bytes() - before);
    }
    await link.stop();
    return median(counts);
  } finally {
    proxy.stop();
    await fleet.close();
  }
}

/** Milliseconds of user and system time of each look, the first of which has everything to find out. */
function looks(state: string): { root: string; processorMs: number }[] {
  return Array.from({ length: ROUNDS + 1 }, (_, round) => {
    const directory = join(state, 'observe', `${round}`);
    mkdirSync(directory, { recursive: true });
    const common = { root: '/', stateDir: state, factsDir: '/nonexistent', timeoutMs: 600_000, graceMs: 1_000 };
    writeFileSync(join(directory, 'call.json'), JSON.stringify({ work: 'facts', ...common }));
    const script = 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>&1 </dev/null';
    const argv = ['setsid', '--wait', ...NODE, BUILT, 'step', directory];
    const { stderr } = spawnSync('bash', ['-c', script, 'bash', ...argv], { encoding: 'utf8' });
    const result = JSON.parse(readFileSync(join(directory, 'result.json'), 'utf8')) as {
      outcome: string;
      message: string;
    };
    if (result.outcome !== 'succeeded') throw new Error(`the look failed: ${result.message}`);
    const [user = Number.NaN, system = Number.NaN] = (stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
    return { root: readKept(state)?.root ?? '', processorMs: 1_000 * (user + system) };
  });
}

if (!existsSync(BUILT)) throw new Error('build the agent first: npm run build');
row('inventory round of an unchanged host, on the wire', kilobytes(await bytesOfRound()), kilobytes(LIMIT_BYTES));
const state = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
try {
  const [first, ...rest] = looks(state);
  const times = rest.map(({ processorMs }) => processorMs);
  row(
    'inventory round of an unchanged host, processor, least',
    `${Math.min(...times).toFixed(0)} ms`,
    `${LIMIT_MS} ms`,
  );
  row('the same, median', `${median(times).toFixed(0)} ms`, `${LIMIT_MS} ms`);
  row('first look, which asks the package manager', `${first?.processorMs.toFixed(0)} ms`, 'none');
  const roots = rest.filter(({ root }, at) => at > 0 && root !== rest[at - 1]?.root).length;
  row('looks of these that found something else than the one before', `${roots} of ${rest.length - 1}`, 'none');
} finally {
  rmSync(state, { recursive: true, force: true });
}
console.log(
  `${cpus().length} x ${cpus()[0]?.model ?? ''}, load ${(loadavg()[0] ?? 0).toFixed(1)}, ${new Date().toISOString().slice(0, 10)}`,
);
