// `npm run bench:scan -- DIR [ROUNDS]`: how long scans of a directory take, in the agent's own child process, against
// sha256sum and AIDE in alternating rounds; what they take of memory, and what they put on the wire. Needs the bundles
// (`npm run build`). Ratios count, not seconds: the table says how busy the machine was.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const agent = join(root, 'dist/tidemark-agent.mjs');
const directory = resolve(process.argv[2] ?? '/usr');
const rounds = Number(process.argv[3] ?? 3);
if (!existsSync(agent)) {
  console.error(`${agent} is missing. Build first: npm run build`);
  process.exit(1);
}
const base = mkdtempSync(join(tmpdir(), 'tm-bench-'));

/** Wall time in seconds. */
function timed(command, args) {
  const from = performance.now();
  spawnSync(command, args, { stdio: 'ignore' });
  return { seconds: (performance.now() - from) / 1000 };
}

let steps = 0;
/** One scan as a step of an order runs it; `state` is the agent's directory, where the cache lies. */
function scan(state) {
  const at = join(base, `step-${steps++}`);
  mkdirSync(at, { recursive: true });
  const profile = {
    name: 'bench',
    version: 1,
    roots: [{ path: directory, plane: 'software' }],
    ignore: [],
    expect: [],
  };
  const call = { kind: 'scan/run', args: { profile } };
  const input = {
    work: 'call',
    call,
    attempt: null,
    timeoutMs: 3_600_000,
    root: '/',
    factsDir: base,
    stateDir: state,
    graceMs: 1000,
  };
  writeFileSync(join(at, 'call.json'), JSON.stringify(input));
  const command = [process.execPath, '--disable-warning=ExperimentalWarning', agent, 'step', at];
  const { seconds } = timed(command[0], command.slice(1));
  const result = JSON.parse(readFileSync(join(at, 'result.json'), 'utf8'));
  if (result.outcome !== 'succeeded') throw new Error(result.message);
  return { seconds, peakMiB: result.facts.peakMemoryBytes / 2 ** 20, facts: result.facts };
}

function sha256sum() {
  const script = 'find "$1" -xdev -type f -print0 | xargs -0 -P2 -n200 sha256sum > /dev/null';
  return timed('sh', ['-c', script, 'sh', directory]).seconds;
}

const hasAide = spawnSync('aide', ['--version']).status === 0;
const aideConfig = join(base, 'aide.conf');
writeFileSync(
  aideConfig,
  [
    `database_in=file:${base}/aide.db`,
    `database_out=file:${base}/aide.db`,
    'gzip_dbout=no',
    `report_url=file:${base}/aide.report`,
    `${directory} p+ftype+i+u+g+s+sha256`,
    '',
  ].join('\n'),
);
const aide = what => timed('aide', [what, '-c', aideConfig]).seconds;

const median = list => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;

try {
  const load = () => loadavg()[0].toFixed(1);
  console.log(`${directory}, ${cpus().length} processors, load ${load()} at the beginning`);
  sha256sum();
  const seconds = { first: [], second: [], sha256sum: [], init: [], check: [] };
  const peaks = { first: [], second: [] };
  let facts = null;
  for (let round = 1; round <= rounds; round++) {
    const state = join(base, `state-${round}`);
    mkdirSync(state);
    seconds.sha256sum.push(sha256sum());
    const first = scan(state);
    const second = scan(state);
    for (const [name, { seconds: took, peakMiB }] of Object.entries({ first, second })) {
      seconds[name].push(took);
      peaks[name].push(peakMiB);
    }
    if (hasAide) {
      seconds.init.push(aide('--init'));
      seconds.check.push(aide('--check'));
    }
    facts = second.facts;
    const shown = Object.entries(seconds).map(([name, list]) => `${name} ${list.at(-1)?.toFixed(2) ?? '-'} s`);
    console.log(`round ${round}, load ${load()}: ${shown.join(', ')}`);
    rmSync(state, { recursive: true });
  }
  const { files, bytes } = facts.coverage;
  console.log(
    `${files} files, ${(bytes / 1e9).toFixed(2)} GB, ${facts.nodes} nodes of ${(facts.bytes / 1e6).toFixed(1)} MB`,
  );
  const ratio = (name, ours, theirs, reach) =>
    console.log(`${name.padEnd(38)} ${(median(ours) / median(theirs)).toFixed(3)}  (reach ${reach})`);
  ratio('first scan / sha256sum', seconds.first, seconds.sha256sum, 0.45);
  if (hasAide) {
    ratio('first scan / aide --init', seconds.first, seconds.init, 0.2);
    ratio('second scan / aide --check', seconds.second, seconds.check, 0.03);
  } else console.log('aide is not installed (apt-get install aide): not compared with it');
  ratio('second scan / first scan', seconds.second, seconds.first, 0.2);
  console.log(`peak memory, MiB: first ${median(peaks.first).toFixed(0)}, second ${median(peaks.second).toFixed(0)}`);
  if (existsSync('/usr/bin/getfattr')) console.log('getfattr is installed: both scans wait for it');
} finally {
  execFileSync('rm', ['-rf', base]);
}
