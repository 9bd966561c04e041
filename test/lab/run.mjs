// `npm run test:lab`: the tests that need real servers. Ends with the line "N passed, N failed[, N skipped]". What a test
// leaves behind because its process was killed is taken down here.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readReport, summaryLine } from '../support/totals.mjs';
import { ensureBase } from './base.ts';
import { removeAbandoned } from './lab.ts';
import { cannotHaveLab, installPackages } from './machine.ts';
import { repositoryRoot } from './places.ts';

const say = line => console.log(line);
const problem = cannotHaveLab();
if (problem !== null) {
  say(problem);
  say(summaryLine({ passed: 0, failed: 1, skipped: 0 }));
  process.exit(1);
}

const started = Date.now();
const reports = mkdtempSync(join(tmpdir(), 'tidemark-lab-'));
const report = join(reports, 'lab.json');
let vitest = null;
// A terminal sends SIGINT to all; whoever sends it to this process alone means the tests.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => vitest?.kill(signal));

let total;
try {
  await installPackages(say);
  await ensureBase(say);
  const status = await runTests(process.argv.slice(2));
  total = readReport('lab', report, status);
} catch (error) {
  say(`FAIL  the lab cannot be set up: ${error.message}`);
  total = { passed: 0, failed: 1, skipped: 0 };
} finally {
  rmSync(reports, { recursive: true, force: true });
  await removeAbandoned(say);
}
say(`\n${Math.round((Date.now() - started) / 1000)} s`);
say(summaryLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;

function runTests(filters) {
  const reporters = ['--reporter', 'default', '--reporter', 'json', `--outputFile.json=${report}`];
  const argv = ['run', '--project', 'lab', ...reporters, ...filters];
  return new Promise((resolve, reject) => {
    vitest = spawn(join(repositoryRoot, 'node_modules/.bin/vitest'), argv, { cwd: repositoryRoot, stdio: 'inherit' });
    vitest.on('error', reject);
    vitest.on('close', code => resolve(code ?? 1));
  });
}
