// From a fresh clone to running: installs what the lock file names, builds, and hands over to the project's own Node.
// Runs on any Node from 20 on, before anything is installed: so it imports nothing but what Node brings.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { differsFromLock, entryFor, explainNpmFailure, unsupported } from './bootstrap-checks.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules/.bin');
const ownNode = join(bin, 'node');
const environment = { ...process.env, PATH: [bin, process.env.PATH].join(delimiter) };

const [command, ...args] = process.argv.slice(2);
const entry = entryFor(command);
if (!entry) fail(`"${command ?? ''}" is no command of bootstrap.mjs. Use: npm run demo, npm test or npm run build`);

const problem = unsupported({
  nodeVersion: process.versions.node,
  platform: process.platform,
  arch: process.arch,
  glibc: process.report.getReport().header.glibcVersionRuntime,
});
if (problem) fail(problem);

install();
const built = await run([join(root, 'installers/build.mjs')]);
process.exit(
  built === 0 && entry.script ? await run([...(entry.flags ?? []), join(root, entry.script), ...args]) : built,
);

function install() {
  const why = differsFromLock(readJson('package-lock.json'), readJson('node_modules/.package-lock.json'));
  if (why) {
    process.stderr.write(`Installing packages (${why}) ...\n`);
    npmInstall();
  }
  const found = spawnSync(ownNode, ['--version'], { encoding: 'utf8' });
  if (found.status !== 0) {
    fail(
      `The project's own Node does not start: ${(found.error?.message ?? found.stderr).trim()}\n` +
        'It comes as an optional package. Remove node_modules, see that `npm config get omit` lists nothing, and try again.',
    );
  }
}

/**
 * Not `npm ci`: that demands an entry in the lock file for every optional package of every platform, also of those that
 * a registry does not carry. Without saving, `npm install` takes the same versions and checks the same digests.
 */
function npmInstall() {
  // Under npm this is the npm that was called; alone, the one on the path. Development tools are wanted also where
  // NODE_ENV says production.
  const script = process.env.npm_execpath;
  const options = ['install', '--no-save', '--include=dev', '--include=optional', '--loglevel=error'];
  const [file, prefix] = script?.endsWith('.js') ? [process.execPath, [script]] : ['npm', []];
  const result = spawnSync(file, [...prefix, ...options], {
    cwd: root,
    env: process.env,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (result.error || result.status !== 0) fail(explainNpmFailure(result.error, result.stderr ?? ''));
}

/** Runs a script on the project's own Node; signals go through to it, its exit status comes back. */
function run(argv) {
  return new Promise(resolve => {
    const child = spawn(ownNode, argv, { cwd: root, env: environment, stdio: 'inherit' });
    // A terminal sends SIGINT to both; the child decides when all is over.
    process.on('SIGINT', () => {});
    for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    child.on('error', error => fail(`${ownNode} does not start: ${error.message}`));
    child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}

function readJson(name) {
  const file = join(root, name);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
