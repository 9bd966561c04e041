// Builds the console into dist/console, unless nothing of it has changed. Fails where what a browser must load before it shows
// anything has grown too large.
import { createHash } from 'node:crypto';
import {
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
import { gzipSync } from 'node:zlib';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, 'controller/web');
const dist = join(root, 'dist');
const target = join(dist, 'console');
const record = join(dist, 'console.json');

/** 400 KB: a second over a slow line to a branch office. */
const MOST_INITIAL_BYTES = 400_000;

/** Builds it where that is needed. Gives the bytes, packed, of the script that comes first. */
export async function buildConsole({ force = false } = {}) {
  const digest = digestOfInputs();
  const before = existsSync(record) ? JSON.parse(readFileSync(record, 'utf8')) : null;
  if (!force && before?.digest === digest && existsSync(join(target, 'index.html'))) return before.initialBytes;
  mkdirSync(dist, { recursive: true });
  // Built aside and renamed: a controller that starts meanwhile reads one build, not two.
  const fresh = mkdtempSync(join(dist, '.console-'));
  try {
    const { build } = await import('vite');
    const { output } = await build({
      root: source,
      configFile: false,
      logLevel: 'error',
      build: {
        outDir: fresh,
        emptyOutDir: true,
        target: 'es2023',
        // Its content security policy lets no data: in.
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
        chunkSizeWarningLimit: 2_000,
        reportCompressedSize: false,
      },
    });
    const initialBytes = initialOf(output).reduce((sum, chunk) => sum + gzipSync(chunk.code).length, 0);
    if (initialBytes > MOST_INITIAL_BYTES)
      throw new Error(
        `the console's first script has ${initialBytes} bytes, packed, and may have ${MOST_INITIAL_BYTES}: load what is not always needed later`,
      );
    rmSync(target, { recursive: true, force: true });
    renameSync(fresh, target);
    writeFileSync(record, `${JSON.stringify({ digest, initialBytes })}\n`);
    return initialBytes;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** The entry and what it imports before it runs. */
function initialOf(output) {
  const chunks = new Map(output.filter(({ type }) => type === 'chunk').map(chunk => [chunk.fileName, chunk]));
  const wanted = new Set([...chunks.values()].filter(({ isEntry }) => isEntry));
  for (const chunk of wanted) for (const name of chunk.imports) if (chunks.has(name)) wanted.add(chunks.get(name));
  return [...wanted];
}

/** Over all that goes into it: its own files, and packages by their versions. */
function digestOfInputs() {
  const own = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !/\.(test\.tsx?|md)$/.test(entry.name))
    .map(entry => join(entry.parentPath, entry.name))
    .filter(file => !file.includes('node_modules'));
  const hash = createHash('sha256');
  for (const file of [...own, join(root, 'package-lock.json'), fileURLToPath(import.meta.url)].sort())
    hash.update(`${relative(root, file)}\0`).update(readFileSync(file));
  return hash.digest('hex');
}
