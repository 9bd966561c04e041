import { harvestTar, harvestZip } from './archive.ts';
import { harvestDeb } from './deb.ts';
import { compressionOf } from './decompress.ts';
import type { Harvested, PackageFile, PackageName, SourceKind } from './harvested.ts';
import { DEFAULT_LIMITS, type HarvestLimits } from './limits.ts';
import { harvestOci } from './oci.ts';
import { HarvestProblem, shown } from './problem.ts';
import { harvestRpm } from './rpm.ts';

/** What whoever imports a package says of it: for formats that do not say it themselves. */
export interface Said {
  product: string | null;
  version: string | null;
  architecture: string | null;
  /** Where the top of an archive lies on servers, absolute and without a slash at its end. */
  at: string | null;
  /** The archive is the packed form of a directory that somebody keeps as the one to compare with. */
  directory: boolean;
}

/** What was signed of the package, by whom is not known yet. */
export type Signed = { bytes: Buffer; signature: Buffer } | null;

const HEAD_BYTES = 300;
const USTAR_AT = 257;

/** Reads a package of any known format, told by its first bytes. Throws a {@link HarvestProblem} that says what is wrong. */
export async function harvest(
  file: PackageFile,
  said: Said,
  limits: HarvestLimits = DEFAULT_LIMITS,
): Promise<{ found: Harvested; signed: Signed }> {
  const head = await file.at(0, Math.min(HEAD_BYTES, file.bytes));
  const format = formatOf(head);
  if (format === 'deb') return unsigned(await harvestDeb(file, limits));
  if (format === 'rpm') {
    const { signed, ...found } = await harvestRpm(file, limits);
    return { found: sound(found), signed };
  }
  if (format === null)
    throw new HarvestProblem(
      'unknown-format',
      `${shown(file.name)} is no package or archive of a kind that is known here`,
    );
  const image = format === 'tar' ? await harvestOci(file, said.architecture, limits) : null;
  if (image)
    return unsigned({
      source: 'oci',
      ...named(file, { ...said, architecture: image.architecture }),
      vendor: null,
      files: image.files,
    });
  if (said.at === null)
    throw new HarvestProblem(
      'not-sound',
      `${shown(file.name)} does not say where its files lie on servers: give --at DIRECTORY`,
    );
  const at = Buffer.from(said.at).toString('latin1');
  const files = format === 'zip' ? await harvestZip(file, at, limits) : await harvestTar(file, at, limits);
  const source: SourceKind = said.directory ? 'directory' : format;
  return unsigned({ source, ...named(file, said), vendor: null, files });
}

const unsigned = (found: Harvested) => ({ found: sound(found), signed: null });

function formatOf(head: Buffer): 'deb' | 'rpm' | 'zip' | 'tar' | null {
  if (head.toString('latin1', 0, 8) === '!<arch>\n') return 'deb';
  const magic = head.toString('hex', 0, 4);
  if (magic === 'edabeedb') return 'rpm';
  if (magic === '504b0304' || magic === '504b0506') return 'zip';
  if (head.toString('latin1', USTAR_AT, USTAR_AT + 5) === 'ustar' || compressionOf(head) !== 'none') return 'tar';
  // An archive of nothing is two blocks of zeros.
  return head.length === HEAD_BYTES && head.every(byte => byte === 0) ? 'tar' : null;
}

/** `tomcat-10.1.2.tar.xz`: the version begins at the last hyphen that a digit follows. */
const FILE = /^(?<product>.+?)-(?<version>v?\d[A-Za-z0-9._+~-]*?)\.(tar(\.\w+)?|t[gxb]z2?|zip|jar|war|ear|rar)$/;

function named(file: PackageFile, said: Said): PackageName {
  const groups = FILE.exec(file.name)?.groups;
  const product = said.product ?? groups?.['product'];
  const version = said.version ?? groups?.['version'];
  if (!product || !version)
    throw new HarvestProblem(
      'not-sound',
      `${shown(file.name)} does not say which product and version it is: give --product and --release-version`,
    );
  return { product, version, architecture: said.architecture };
}

/** 256 bytes without control characters: what stands in lists and in the log. */
const NAME = /^[\x21-\x7e]{1,256}$/;

function sound(found: Harvested): Harvested {
  for (const [what, name] of [
    ['name', found.product],
    ['version', found.version],
    ['architecture', found.architecture ?? 'none'],
  ] as const)
    if (!NAME.test(name))
      throw new HarvestProblem('not-sound', `the package has a ${what} that is none: ${shown(name)}`);
  // What the maker is called may be in any language.
  const vendor =
    found.vendor === null ? null : Buffer.from(found.vendor, 'latin1').toString().replace(/\p{C}/gu, ' ').slice(0, 256);
  // Packages of a system may bring nothing but others, or a name; of an archive it is a mistake.
  if (found.files.length === 0 && found.source !== 'deb' && found.source !== 'rpm')
    throw new HarvestProblem('not-sound', `the package holds no file`);
  return { ...found, vendor };
}
