// All that `npm test` checks: types, lint, import laws, dead code, generated code, and every vitest project but those of
// real servers. Ends with the line "N passed, N failed[, N skipped]", where each check counts as one test. Numbers come from
// the runners' own reports, so that a suite that does not even load counts as failed.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readReport, sum, summaryLine } from './totals.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const bin = name => join(root, 'node_modules/.bin', name);

const CHECKS = [
  { name: 'types', argv: [bin('tsc'), '--noEmit'] },
  { name: 'lint and format', argv: [bin('biome'), 'check', '--error-on-warnings', '.'] },
  {
    name: 'import laws',
    argv: [bin('depcruise'), '--config', '.dependency-cruiser.cjs', 'shared', 'agent', 'controller', 'test'],
  },
  { name: 'dead code', argv: [bin('knip'), '--no-config-hints'] },
  { name: 'generated code', argv: [process.execPath, 'proto/generate.mjs', '--check'] },
];
const PROJECTS = ['unit', 'contract', 'e2e'];

/** The same programs start some thousand times: what V8 made of them once is kept. */
const environment = { ...process.env, NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compiled') };

const started = Date.now();
const reports = mkdtempSync(join(tmpdir(), 'tidemark-reports-'));
const running = new Set();
let stopped = false;
// To all that tests have started as well: each is in the group of its runner.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    stopped = true;
    for (const child of running) process.kill(-child.pid, signal);
  });

const failedChecks = [];
let total;
try {
  // Beside each other: tests wait for most of their time.
  total = sum((await Promise.all([runTests(), runChecks()])).flat());
} finally {
  rmSync(reports, { recursive: true, force: true });
}
// Once more where nobody overlooks it: what they said is far above.
for (const name of failedChecks) console.log(`\nFAIL  ${name}`);
console.log(`\n${Math.round((Date.now() - started) / 1000)} s`);
console.log(summaryLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;

async function runTests() {
  const report = join(reports, 'tests.json');
  const argv = ['run', ...PROJECTS.flatMap(project => ['--project', project]), '--reporter', 'default'];
  const { status } = await runToEnd(
    [bin('vitest'), ...argv, '--reporter', 'json', `--outputFile.json=${report}`],
    'inherit',
  );
  return readReport('tests', report, status);
}

async function runChecks() {
  const results = [];
  for (const check of CHECKS) if (!stopped) results.push(await runCheck(check));
  return results;
}

/** A check says nothing while it passes, and all it has to say when it fails. */
async function runCheck({ name, argv }) {
  const { status, output } = await runToEnd(argv, 'pipe');
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'}  ${name}${status === 0 ? '' : `\n${output.trimEnd()}`}`);
  if (status !== 0) failedChecks.push(name);
  return { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 };
}

function runToEnd([file, ...argv], stdio) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, { cwd: root, env: environment, detached: true, stdio: ['ignore', stdio, stdio] });
    running.add(child);
    let output = '';
    const keep = text => {
      output += text;
    };
    child.stdout?.setEncoding('utf8').on('data', keep);
    child.stderr?.setEncoding('utf8').on('data', keep);
    child.on('error', reject);
    child.on('close', code => {
      running.delete(child);
      resolve({ status: code ?? 1, output });
    });
  });
}
