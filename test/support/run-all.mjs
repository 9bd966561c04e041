// All that `npm test` checks: types, lint, import laws, dead code, generated code, and every vitest project. Ends with
// the line "N passed, N failed[, N skipped]", where each check counts as one test. Numbers come from the runners' own
// reports, so that a suite that does not even load counts as failed.
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
/** From quick to slow, one after the other: the slow ones start databases and would fight for the processor. */
const PROJECTS = ['unit', 'contract', 'e2e'];

const started = Date.now();
const reports = mkdtempSync(join(tmpdir(), 'tidemark-reports-'));
const totals = [];
try {
  for (const check of CHECKS) totals.push(await runCheck(check));
  for (const project of PROJECTS) totals.push(await runProject(project));
} finally {
  rmSync(reports, { recursive: true, force: true });
}
const total = sum(totals);
console.log(`\n${Math.round((Date.now() - started) / 1000)} s`);
console.log(summaryLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;

/** A check says nothing while it passes, and all it has to say when it fails. */
async function runCheck({ name, argv }) {
  const { status, output } = await runToEnd(argv, 'pipe');
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'}  ${name}`);
  if (status !== 0) console.log(output.trimEnd());
  return { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 };
}

async function runProject(project) {
  console.log(`\n${project} tests`);
  const file = join(reports, `${project}.json`);
  const argv = [bin('vitest'), 'run', '--project', project, '--reporter', 'default', '--reporter', 'json'];
  const { status } = await runToEnd([...argv, `--outputFile.json=${file}`], 'inherit');
  return readReport(project, file, status);
}

function runToEnd([file, ...argv], stdio) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, { cwd: root, stdio: ['ignore', stdio, stdio] });
    let output = '';
    const keep = text => {
      output += text;
    };
    child.stdout?.setEncoding('utf8').on('data', keep);
    child.stderr?.setEncoding('utf8').on('data', keep);
    child.on('error', reject);
    child.on('close', code => resolve({ status: code ?? 1, output }));
  });
}
