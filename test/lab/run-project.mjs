// One vitest project that needs this machine as root: what is missing is installed, the tests are run, and what they were
// killed over is taken down. Ends with the line "N passed, N failed[, N skipped]".
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readReport, summaryLine } from '../support/totals.mjs';
import { cannotHaveLab } from './machine.ts';
import { repositoryRoot } from './places.ts';

const say = line => console.log(line);

/** `setUp` and `tearDown` are called with a way to say what they do; `filters` are names of files. */
export async function runProject(project, { setUp, tearDown, filters = [] }) {
  const problem = cannotHaveLab();
  if (problem !== null) {
    say(problem);
    say(summaryLine({ passed: 0, failed: 1, skipped: 0 }));
    process.exit(1);
  }
  const started = Date.now();
  const reports = mkdtempSync(join(tmpdir(), `tidemark-${project}-`));
  let total;
  try {
    await setUp(say);
    const report = join(reports, 'report.json');
    total = readReport(project, report, await runTests(project, report, filters));
  } catch (error) {
    say(`FAIL  the ${project} cannot be set up: ${error.message}`);
    total = { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(reports, { recursive: true, force: true });
    await tearDown(say);
  }
  say(`\n${Math.round((Date.now() - started) / 1000)} s`);
  say(summaryLine(total));
  process.exitCode = total.failed > 0 ? 1 : 0;
}

function runTests(project, report, filters) {
  const reporters = ['--reporter', 'default', '--reporter', 'json', `--outputFile.json=${report}`];
  const argv = ['run', '--project', project, ...reporters, ...filters];
  return new Promise((resolve, reject) => {
    const vitest = spawn(join(repositoryRoot, 'node_modules/.bin/vitest'), argv, {
      cwd: repositoryRoot,
      // The command line starts some hundred times: what V8 made of it once is kept.
      env: { ...process.env, NODE_COMPILE_CACHE: join(repositoryRoot, 'node_modules/.cache/compiled') },
      stdio: 'inherit',
    });
    // A terminal sends SIGINT to all; whoever sends it to this process alone means the tests.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => vitest.kill(signal));
    vitest.on('error', reject);
    vitest.on('close', code => resolve(code ?? 1));
  });
}
