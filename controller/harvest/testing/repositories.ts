import { hash } from 'node:crypto';
import { type Packing, packed } from './packages.ts';
import type { Vendor } from './vendor.ts';

/** Files of a repository by their paths. */
export type RepositoryFiles = Map<string, Buffer>;

export interface PoolPackage {
  product: string;
  version: string;
  architecture: string;
  path: string;
  bytes: Buffer;
}

const sha256 = (bytes: Buffer | string) => hash('sha256', bytes, 'hex');

export interface AptContent {
  packages: readonly PoolPackage[];
  by: Vendor;
  suite?: string;
  dated?: number;
  validUntil?: number;
  packing?: Packing;
  /** `Release` and `Release.gpg` in place of `InRelease`. */
  detached?: boolean;
  /** What a liar makes of the list, before it is named; and of the Release, before it is signed. */
  list?: (text: string) => string;
  release?: (text: string) => string;
}

/** An apt repository with one component, `main`, and a list for each architecture. */
export async function aptRepository(content: AptContent): Promise<RepositoryFiles> {
  const { packages, by, suite = 'stable', dated = Date.now(), validUntil, packing = '.gz', detached = false } = content;
  const files: RepositoryFiles = new Map(packages.map(({ path, bytes }) => [path, bytes]));
  const architectures = [...new Set(packages.map(({ architecture }) => architecture))].filter(each => each !== 'all');
  const sums: string[] = [];
  for (const architecture of architectures.length === 0 ? ['amd64'] : architectures) {
    const text = packages
      .filter(each => each.architecture === architecture || each.architecture === 'all')
      .map(
        each =>
          `Package: ${each.product}\nVersion: ${each.version}\nArchitecture: ${each.architecture}\nDescription: none\n none at all\nFilename: ${each.path}\nSize: ${each.bytes.length}\nSHA256: ${sha256(each.bytes)}\n\n`,
      )
      .join('');
    const list = packed(Buffer.from(content.list?.(text) ?? text), packing);
    const path = `main/binary-${architecture}/Packages${packing}`;
    files.set(`dists/${suite}/${path}`, list);
    sums.push(` ${sha256(list)} ${list.length} ${path}\n`);
  }
  const time = (ms: number) => new Date(ms).toUTCString().replace('GMT', 'UTC');
  const text = [
    `Origin: Example\nLabel: Example\nSuite: ${suite}\nCodename: ${suite}\nDate: ${time(dated)}\n`,
    validUntil === undefined ? '' : `Valid-Until: ${time(validUntil)}\n`,
    `Architectures: ${architectures.join(' ')}\nComponents: main\nSHA256:\n${sums.join('')}`,
  ].join('');
  const release = content.release?.(text) ?? text;
  if (detached) {
    files.set(`dists/${suite}/Release`, Buffer.from(release));
    files.set(`dists/${suite}/Release.gpg`, await by.sign(Buffer.from(release)));
  } else files.set(`dists/${suite}/InRelease`, await by.clearsign(release));
  return files;
}

export interface RpmRepositoryContent {
  packages: readonly PoolPackage[];
  /** Who signs the metadata; nobody often does. */
  by?: Vendor;
  dated?: number;
  packing?: Packing;
  list?: (text: string) => string;
  top?: (text: string) => string;
}

export async function rpmRepository(content: RpmRepositoryContent): Promise<RepositoryFiles> {
  const { packages, by, dated = Date.now(), packing = '.gz' } = content;
  const files: RepositoryFiles = new Map(packages.map(({ path, bytes }) => [path, bytes]));
  const text = `<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="${packages.length}">
${packages.map(packageElement).join('\n')}
</metadata>
`;
  const list = packed(Buffer.from(content.list?.(text) ?? text), packing);
  const path = `repodata/${sha256(list)}-primary.xml${packing}`;
  files.set(path, list);
  const seconds = Math.floor(dated / 1000);
  const top = `<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo">
  <revision>${seconds}</revision>
  <data type="primary">
    <checksum type="sha256">${sha256(list)}</checksum>
    <location href="${path}"/>
    <timestamp>${seconds}</timestamp>
    <size>${list.length}</size>
  </data>
</repomd>
`;
  const repomd = Buffer.from(content.top?.(top) ?? top);
  files.set('repodata/repomd.xml', repomd);
  if (by) files.set('repodata/repomd.xml.asc', await by.sign(repomd));
  return files;
}

function packageElement({ product, version, architecture, path, bytes }: PoolPackage): string {
  const [, epoch = '0', upstream = '', release = ''] = /^(?:(\d+):)?(.+)-([^-]+)$/.exec(version) ?? [];
  return `<package type="rpm">
  <name>${product}</name>
  <arch>${architecture}</arch>
  <version epoch="${epoch}" ver="${upstream}" rel="${release}"/>
  <checksum type="sha256" pkgid="YES">${sha256(bytes)}</checksum>
  <summary>Sells &amp; buys</summary>
  <size package="${bytes.length}" installed="1" archive="1"/>
  <location href="${path}"/>
  <format><rpm:provides><rpm:entry name="${product}"/></rpm:provides><file>/usr/bin/${product}</file></format>
</package>`;
}
