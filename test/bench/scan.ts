import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { uploadScan } from '@tidemark/agent/link/upload.ts';
import { openStore } from '@tidemark/controller/store/store.ts';
import { createVerificationStore } from '@tidemark/controller/store/verification.ts';
import { hasAide, writeAideSettings } from '../support/aide.ts';
import { startCountingProxy } from '../support/counting-proxy.ts';
import { addHost, startFingerprintServer } from '../support/fingerprint-server.ts';
import { growLargeTree } from './large-tree.ts';
import { type ScanTook, scanStep } from './scan-step.ts';
import { kilobytes, median, row } from './table.ts';
import { type Took, timed } from './timed.ts';

/*
 * `npm run bench:scan -- [DIR] [--rounds N] [--files N]`: how long scans of a directory (`/usr`) take, by the agent's own
 * child process, against sha256sum and AIDE in alternating rounds; then, of a tree that is made of so many files (500,000),
 * what a scan takes of memory, and what it puts on the wire. Both times count: on a machine that others use, the
 * processor's is the one to believe.
 */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '3' }, files: { type: 'string', default: '500000' } },
});
const directory = resolve(positionals[0] ?? '/usr');
const rounds = Number(values.rounds);
const files = Number(values.files);
const SHA256SUM = 'find "$1" -xdev -type f -print0 | xargs -0 -P2 -n200 sha256sum';
/** Of aide --check, where something differs: bits for what was added, removed and changed. */
const AIDE_DIFFERENT = 0b111;
const CHANGED_SCANS = 3;

const load = () => loadavg()[0]?.toFixed(1);
const base = mkdtempSync(join(tmpdir(), 'tm-bench-'));
// The database runs as another user.
chmodSync(base, 0o711);
console.log(`${directory}, ${cpus().length} x ${cpus()[0]?.model}, load ${load()} at the beginning`);
try {
  if (rounds > 0) againstPeers();
  if (files > 0) await ofLargeTree();
} finally {
  rmSync(base, { recursive: true, force: true });
}

type Measured = 'first scan' | 'second scan' | 'sha256sum' | 'aide --init' | 'aide --check';

function againstPeers(): void {
  const took: Record<Measured, Took[]> = {
    'first scan': [],
    'second scan': [],
    sha256sum: [],
    'aide --init': [],
    'aide --check': [],
  };
  const aide = hasAide() ? writeAideSettings(base, directory) : null;
  const sha256sum = () => timed(['sh', '-c', SHA256SUM, 'sh', directory]);
  // Fills the page cache.
  sha256sum();
  let last: ScanTook | null = null;
  for (let round = 1; round <= rounds; round++) {
    const state = join(base, `state-${round}`);
    mkdirSync(state);
    took.sha256sum.push(sha256sum());
    took['first scan'].push(scanStep(base, state, directory));
    last = scanStep(base, state, directory);
    took['second scan'].push(last);
    if (aide) {
      took['aide --init'].push(timed(['aide', '--init', '-c', aide.settings]));
      aide.accept();
      took['aide --check'].push(timed(['aide', '--check', '-c', aide.settings], { highest: AIDE_DIFFERENT }));
    }
    console.log(`round ${round}, load ${load()}: ${shown(took)}`);
    rmSync(state, { recursive: true });
  }
  const coverage = last?.facts.coverage;
  console.log(`${coverage?.files} files, ${((coverage?.bytes ?? 0) / 1e9).toFixed(2)} GB, ${last?.facts.nodes} nodes`);
  const ratio = (ours: Measured, theirs: Measured, limit: number) =>
    row(`${ours} / ${theirs}`, ratioOf(took[ours], took[theirs]), `${limit} on the clock`);
  ratio('first scan', 'sha256sum', 0.45);
  if (aide) {
    ratio('first scan', 'aide --init', 0.2);
    ratio('second scan', 'aide --check', 0.03);
  } else console.log('aide is not installed (apt-get install aide): not compared with it');
  ratio('second scan', 'first scan', 0.2);
}

function shown(took: Record<Measured, readonly Took[]>): string {
  const parts = Object.entries(took).flatMap(([name, list]) => {
    const last = list.at(-1);
    return last ? [`${name} ${last.clock.toFixed(2)} s (processor ${last.processor.toFixed(2)})`] : [];
  });
  return parts.join(', ');
}

function ratioOf(ours: readonly Took[], theirs: readonly Took[]): string {
  const of = (which: keyof Took) => median(ours.map(took => took[which])) / median(theirs.map(took => took[which]));
  return `${of('clock').toFixed(3)} (processor ${of('processor').toFixed(3)})`;
}

async function ofLargeTree(): Promise<void> {
  const tree = join(base, 'tree');
  const file = growLargeTree(tree, files);
  const state = join(base, 'state');
  const store = await openStore({ stateDir: join(base, 'database') });
  const server = await startFingerprintServer(createVerificationStore(store));
  const proxy = await startCountingProxy(server.port);
  const sent = async (scan: ScanTook, hostId: string): Promise<number> => {
    const client = server.clientOf(hostId, proxy.port);
    // An agent's connection is there already.
    await new Promise<void>((done, failed) =>
      client.waitForReady(Date.now() + 60_000, error => (error ? failed(error) : done())),
    );
    const before = proxy.bytes();
    const uploaded = await uploadScan({ client, directory: scan.directory, scan: scan.facts.scan });
    if (!uploaded.ok) throw new Error(uploaded.error.message);
    return proxy.bytes() - before;
  };
  try {
    const hostId = await addHost(store, 'first');
    const first = scanStep(base, state, tree);
    const second = scanStep(base, state, tree);
    for (const [name, { facts }] of Object.entries({ first, second }))
      row(
        `peak memory of a ${name} scan of ${files} files`,
        `${(facts.peakMemoryBytes / 1e6).toFixed(0)} MB`,
        '150 MB',
      );
    console.log(`  the first scan has ${kilobytes(await sent(first, hostId))} on the wire`);
    row('bytes on the wire: nothing changed', kilobytes(await sent(second, hostId)), '1 KB');
    const changed: number[] = [];
    for (let round = 0; round < CHANGED_SCANS; round++) {
      appendFileSync(file, `${round}`);
      changed.push(await sent(scanStep(base, state, tree), hostId));
    }
    row('bytes on the wire: one file changed, the worst', kilobytes(Math.max(...changed)), '32 KB');
    const twin = await addHost(store, 'second');
    const bytes = await sent(scanStep(base, state, tree), twin);
    row('bytes on the wire: a second identical host', kilobytes(bytes), '256 KB');
  } finally {
    proxy.stop();
    server.stop();
    await store.close();
  }
}
