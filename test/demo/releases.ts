import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';

/*
 * The releases that the demo patches with. A release is an archive whose content goes into a directory of its own on the
 * server: bin/<product> (start, stop, status), lib/ (the program) and share/ (texts). Built twice, it has the same bytes.
 */

export interface Product {
  /** `orders-web` */
  name: string;
  application: string;
  tier: 'web' | 'app' | 'db';
}

export const PRODUCTS: readonly Product[] = ['orders', 'ledger'].flatMap(application =>
  (['web', 'app', 'db'] as const).map(tier => ({ name: `${application}-${tier}`, application, tier })),
);

export const OLD_VERSION = '1.4.0';
export const NEW_VERSION = '1.4.1';

const COMPONENTS = join(import.meta.dirname, 'components');
const LIBRARY = ['app.mjs', 'control.mjs', 'db.mjs', 'http.mjs', 'main.mjs', 'site.mjs', 'web.mjs'];
/** Archives carry times; a fixed one keeps the bytes the same. */
const BUILT_AT = new Date('2026-01-05T08:00:00Z');

interface ReleaseFile {
  name: string;
  mode: number;
  content: string;
}

/** The files of one release. 1.4.1 adds, changes and removes some, as real ones do. */
export function releaseFiles(product: Product, version: string): ReleaseFile[] {
  const read = (name: string) => readFileSync(join(COMPONENTS, name), 'utf8');
  const text = (name: string, content: string) => ({ name, mode: 0o644, content });
  const isNew = version === NEW_VERSION;
  const files: ReleaseFile[] = [
    {
      name: `bin/${product.name}`,
      mode: 0o755,
      content: read('bin/service.sh').replaceAll('@PRODUCT@', product.name),
    },
    ...LIBRARY.map(name => text(`lib/${name}`, read(`lib/${name}`))),
    text('lib/product.mjs', releaseModule(product, version)),
    text('share/RELEASE', `${product.name} ${version}\n`),
    text('share/limits.json', `${JSON.stringify({ bookingsPerSecond: isNew ? 400 : 250 }, null, 2)}\n`),
    text('share/terms.txt', 'Bookings are counted once and in order.\n'),
  ];
  if (isNew) files.push(text('share/changes-1.4.1.txt', 'Raises the limit; drops the old ledger format.\n'));
  else files.push(text('share/format-1.3.txt', 'Read by nothing since 1.4.0; goes with the next release.\n'));
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function releaseModule({ name, application, tier }: Product, version: string): string {
  const constants = { application, tier, product: name, version };
  return Object.entries(constants)
    .map(([key, value]) => `export const ${key} = '${value}';\n`)
    .join('');
}

/** Writes `<product>-<version>.tar.gz` into `directory` and gives its path. */
export async function buildRelease(product: Product, version: string, directory: string): Promise<string> {
  mkdirSync(directory, { recursive: true });
  const archive = join(directory, `${product.name}-${version}.tar.gz`);
  const tar = pack();
  for (const name of ['bin', 'lib', 'share'])
    tar.entry({ name: `${name}/`, type: 'directory', mode: 0o755, mtime: BUILT_AT });
  for (const { name, mode, content } of releaseFiles(product, version))
    tar.entry({ name, mode, mtime: BUILT_AT }, content);
  tar.finalize();
  await pipeline(tar, createGzip({ level: 9 }), createWriteStream(archive));
  return archive;
}

/** Every product in both versions: the paths of the archives. */
export async function buildReleases(directory: string): Promise<string[]> {
  const built: string[] = [];
  for (const version of [OLD_VERSION, NEW_VERSION]) {
    for (const product of PRODUCTS) built.push(await buildRelease(product, version, directory));
  }
  return built;
}
