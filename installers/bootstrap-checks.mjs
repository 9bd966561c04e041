// What bootstrap.mjs decides, apart from what it does: no input or output here.

/** Oldest Node that can run bootstrap.mjs. All else runs on the Node that the project brings. */
const OLDEST_NODE = 20;
/** What the Node binaries from the registry are linked against: RHEL 8, Debian 10, Ubuntu 20.04 and later. */
const OLDEST_GLIBC = [2, 28];

/** Runs after install and build, under the project's own Node; null for the build alone. */
const ENTRIES = {
  build: { script: null },
  demo: { script: 'test/demo/main.ts' },
  test: { script: 'test/support/run-all.mjs' },
  'test:lab': { script: 'test/lab/run.mjs' },
  'test:lab:vm': { script: 'test/lab/vm/run.mjs' },
  lab: { script: 'test/lab/main.ts' },
  // Most of what a night makes is garbage at once: a larger nursery collects it less often.
  simulate: { script: 'test/simulation/main.ts', flags: ['--max-semi-space-size=64'] },
  'bench:orchestrator': { script: 'test/bench/orchestrator.ts' },
  screens: { script: 'test/screens/main.ts' },
  'bench:plan': { script: 'test/bench/plan.ts' },
  'bench:scan': { script: 'test/bench/scan.ts' },
  'bench:drift': { script: 'test/bench/drift.ts' },
  'bench:signatures': { script: 'test/bench/signatures.ts' },
  'bench:controller': { script: 'test/bench/controller/main.ts' },
  'bench:landscape': { script: 'test/bench/landscape/main.ts' },
  'lab:night': { script: 'test/lab/great-night/main.ts' },
  'lab:powercuts': { script: 'test/lab/power-main.ts' },
  'bench:upgrade': { script: 'test/lab/upgrade-bench/main.ts' },
  'bench:step': { script: 'test/bench/step.ts' },
  package: { script: 'installers/package/main.ts' },
  'bench:output': { script: 'test/contract/executor-bench-output.ts' },
};

export const entryFor = command => (Object.hasOwn(ENTRIES, command ?? '') ? ENTRIES[command] : null);

/** Why Tidemark cannot be built on this machine, or null. */
export function unsupported({ nodeVersion, platform, arch, glibc }) {
  if (Number.parseInt(nodeVersion, 10) < OLDEST_NODE) {
    return `Node ${nodeVersion} is too old: install Node ${OLDEST_NODE} or newer and try again.`;
  }
  if (platform !== 'linux' || !['x64', 'arm64'].includes(arch)) {
    return `Tidemark is built and run on Linux, x64 or arm64. This is ${platform} ${arch}.`;
  }
  if (!glibc) return 'Tidemark needs a Linux with glibc; this one has another C library (Alpine: use a Debian image).';
  const [major, minor] = glibc.split('.').map(Number);
  if (major < OLDEST_GLIBC[0] || (major === OLDEST_GLIBC[0] && minor < OLDEST_GLIBC[1])) {
    return `Tidemark needs glibc ${OLDEST_GLIBC.join('.')} or newer; this system has ${glibc}.`;
  }
  return null;
}

/**
 * In what node_modules is not what the lock file says, or null where it is. npm keeps what it has installed in
 * node_modules/.package-lock.json and writes it last, so an installation that was interrupted shows here too.
 */
export function differsFromLock(lock, installed) {
  if (!installed) return 'nothing is installed yet';
  for (const [path, wanted] of Object.entries(lock.packages)) {
    if (!path.includes('node_modules/')) continue;
    const found = installed.packages[path];
    if (!found && wanted.optional) continue;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (!found) return `${name} is missing`;
    if (found.version !== wanted.version || found.integrity !== wanted.integrity) return `${name} has changed`;
  }
  return null;
}

const NETWORK =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT)\b/;

/** What to tell somebody whose `npm install` failed. */
export function explainNpmFailure(error, stderr) {
  if (error?.code === 'ENOENT') return 'npm is not on the PATH: install npm 10 or newer and try again.';
  if (error) return `npm does not start: ${error.message}`;
  const lines = stderr.trim().split('\n');
  const said = lines
    .filter(line => !/^npm error\s+at /.test(line))
    .slice(0, 10)
    .join('\n');
  const network = NETWORK.exec(stderr);
  if (network) {
    return `${said}\nThe npm registry cannot be reached (${network[1]}): check the network and "npm config get registry", then try again.`;
  }
  if (/\bENOSPC\b/.test(stderr)) return `${said}\nThe disk is full: about 1 GB is needed.`;
  if (/\b(EACCES|EPERM)\b/.test(stderr)) {
    return `${said}\nnpm may not write here: the directory belongs to somebody else. Use a clone of your own.`;
  }
  return `${said}\nnpm could not install the packages.`;
}
