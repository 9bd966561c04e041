import { spawnSync } from 'node:child_process';
import { createReadStream, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { arch, cpus, loadavg, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { harvestDeb } from '@tidemark/controller/harvest/deb.ts';
import { DEFAULT_LIMITS } from '@tidemark/controller/harvest/limits.ts';
import { debOf, type Packing, type TarEntry } from '@tidemark/controller/harvest/testing/packages.ts';
import { benchIdentification } from './identification.ts';

/*
 * `npm run bench:signatures [FILE.deb...]`: megabytes of package that are harvested in a second of processor, beside `dpkg-deb
 * --fsys-tarfile | sha256sum`, which unpacks the same bytes and makes one digest of all of them. Processor time of all threads; the least of
 * the rounds counts, since others on the machine only add to it. Without files it makes packages of what Node brought, and measures
 * what identification.ts does.
 */

const ROUNDS = 5;
const PIECE_BYTES = 256 * 1024;

/** Node itself and the sources of the compiler and of the test runner: one large program, and thousands of small files. */
function sampleFiles(): TarEntry[] {
  const modules = join(import.meta.dirname, '../../node_modules');
  const sources = ['typescript', 'vitest', 'zod', 'drizzle-orm', 'openpgp'].flatMap(name =>
    readdirSync(join(modules, name), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name)),
  );
  return [process.execPath, ...sources].map((path, at) => ({
    name: `./usr/lib/sample/${at}/${basename(path)}`,
    content: readFileSync(path),
  }));
}

async function harvestSeconds(file: string): Promise<{ seconds: number; files: number }> {
  const before = process.cpuUsage();
  const read = (from = 0) => createReadStream(file, { start: from, highWaterMark: PIECE_BYTES });
  const at = async () => Promise.reject(new Error('a .deb is read from its beginning to its end'));
  const { files } = await harvestDeb({ name: basename(file), bytes: statSync(file).size, read, at }, DEFAULT_LIMITS);
  const { user, system } = process.cpuUsage(before);
  return { seconds: (user + system) / 1e6, files: files.length };
}

/** Null where there is no dpkg-deb. */
function dpkgSeconds(file: string): number | null {
  if (spawnSync('dpkg-deb', ['--version']).error) return null;
  const script = 'dpkg-deb --fsys-tarfile "$1" | sha256sum >/dev/null; times';
  const { stdout, status } = spawnSync('bash', ['-c', script, 'bash', file], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`dpkg-deb cannot read ${file}`);
  // The second line is about what was started: minutes and seconds, user and system.
  const spent = [...(stdout.trim().split('\n').at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)];
  return spent.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}

const directory = mkdtempSync(join(tmpdir(), 'tm-bench-signatures-'));
try {
  let packages = process.argv.slice(2);
  if (packages.length === 0) {
    const data = sampleFiles();
    for (const packing of ['.gz', '.zst'] as Packing[]) {
      const file = join(directory, `sample${packing}.deb`);
      writeFileSync(file, await debOf({ data, packing }));
      packages = [...packages, file];
    }
  }
  console.log(
    `${cpus()[0]?.model}, ${cpus().length} cores, ${arch()}, node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}; processor seconds, least of ${ROUNDS}`,
  );
  console.log('package                        MB     files  harvest MB/s  dpkg-deb|sha256sum MB/s');
  for (const file of packages) {
    const megabytes = statSync(file).size / 1e6;
    const ours: number[] = [];
    const theirs: number[] = [];
    let files = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const harvested = await harvestSeconds(file);
      files = harvested.files;
      ours.push(harvested.seconds);
      const dpkg = dpkgSeconds(file);
      if (dpkg !== null) theirs.push(dpkg);
    }
    const rate = (seconds: number[]) =>
      seconds.length === 0 ? 'not here' : (megabytes / Math.min(...seconds)).toFixed(1);
    console.log(
      `${basename(file).slice(0, 28).padEnd(28)} ${megabytes.toFixed(1).padStart(6)} ${String(files).padStart(8)} ${rate(ours).padStart(12)} ${rate(theirs).padStart(12)}`,
    );
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
if (process.argv.length === 2) await benchIdentification();
