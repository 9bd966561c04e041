import { chmodSync, createWriteStream, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';

/*
 * A product for end-to-end tests: its script leaves a mark in a file for every time that it is started or stopped, so
 * that a test can count what really happened on a server, whatever anybody reported.
 */

/** Its control script. `$root/slow-stop` holds how many seconds a stop takes. */
const SCRIPT = `#!/bin/sh
root=$TIDEMARK_ROOT
pidfile=$root/run/@PRODUCT@.pid
mkdir -p "$root/run"
running() { pid=$(cat "$pidfile" 2>/dev/null) && kill -0 "$pid" 2>/dev/null; }
mark() { echo "$1 @PRODUCT@" >> "$root/marks"; }
case $1 in
start)
  running && exit 0
  mark start
  setsid sleep 100000 </dev/null >/dev/null 2>&1 &
  echo $! > "$pidfile"
  ;;
stop)
  running || exit 0
  mark stop
  [ -e "$root/slow-stop" ] && sleep "$(cat "$root/slow-stop")"
  kill "$pid"
  rm -f "$pidfile"
  ;;
status) running || exit 3 ;;
*) exit 2 ;;
esac
`;

function filesOf(product: string, version: string): { name: string; mode: number; content: string }[] {
  return [
    { name: `bin/${product}`, mode: 0o755, content: SCRIPT.replaceAll('@PRODUCT@', product) },
    { name: 'lib/program.txt', mode: 0o644, content: `${product} ${version}\n` },
    { name: `share/only-in-${version}.txt`, mode: 0o644, content: `${version}\n` },
  ];
}

/** Builds `<product>-<version>.tar.gz` and gives its path. */
export async function buildRelease(directory: string, product: string, version: string): Promise<string> {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${product}-${version}.tar.gz`);
  const tar = pack();
  for (const { name, mode, content } of filesOf(product, version)) {
    tar.entry({ name, mode, mtime: new Date(0) }, content);
  }
  tar.finalize();
  await pipeline(tar, createGzip(), createWriteStream(file));
  return file;
}

/** Puts a release on a server as if somebody had installed it long ago. */
export function installByHand(root: string, product: string, version: string): void {
  const home = join(root, 'opt', product);
  for (const { name, mode, content } of filesOf(product, version)) {
    const file = join(home, 'releases', version, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
  }
  symlinkSync(join('releases', version), join(home, 'current'));
}

/** How often the script did this on the server: `marksOf(root, 'stop orders-db')`. */
export function marksOf(root: string, mark: string): number {
  const file = join(root, 'marks');
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter(line => line === mark).length
    : 0;
}

/** Ends what the product's script left running on the server. */
export function endProducts(root: string, products: readonly string[]): void {
  for (const product of products) {
    const pidfile = join(root, 'run', `${product}.pid`);
    if (!existsSync(pidfile)) continue;
    try {
      process.kill(Number(readFileSync(pidfile, 'utf8')), 'SIGKILL');
    } catch {
      // It has ended before.
    }
  }
}
