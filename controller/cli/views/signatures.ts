import type { Signature } from '../../api/contract/releases.ts';
import type { ReplyOf } from '../../api/contract/routes.ts';
import type { ProductSignature } from '../../api/contract/signatures.ts';
import type { Listing } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { fields, table } from '../output/table.ts';
import { bytes, moment } from '../output/time.ts';

/** What one import came to. */
export interface ImportedRow {
  product: string;
  version: string;
  architecture: string | null;
  source: ProductSignature['source'] | 'release';
  files: number;
  unpackedBytes: number;
  tier: ProductSignature['tier'];
  /** Digest of the package or archive. */
  package: string;
  unchanged: boolean;
}

export const importedListing = (rows: readonly ImportedRow[]): Listing<ImportedRow> => ({
  rows,
  columns: [
    { title: 'PRODUCT', value: row => row.product },
    { title: 'VERSION', value: row => row.version },
    { title: 'FROM', value: row => row.source },
    { title: 'FILES', value: row => row.files },
    { title: 'UNPACKED', value: row => bytes(row.unpackedBytes) },
    { title: 'TIER', value: row => row.tier },
    { title: 'NEW', value: row => !row.unchanged },
    { title: 'ARCHITECTURE', value: row => row.architecture, wide: true },
    { title: 'PACKAGE', value: row => row.package, wide: true },
  ],
  name: row => `${row.product}@${row.version}`,
  empty: 'Nothing was imported.',
});

/** A release that agents install, or a product version that is known from its package. */
export type KnownRow = { id: number | null; source: ImportedRow['source']; package: string } & Pick<
  ProductSignature,
  'product' | 'version' | 'architecture' | 'tier' | 'bytes' | 'files' | 'installedBytes' | 'importedBy' | 'importedAt'
>;

export const knownRelease = ({ artifact, unpackedBytes, ...release }: Signature): KnownRow => ({
  ...release,
  id: null,
  source: 'release',
  architecture: null,
  package: artifact,
  installedBytes: unpackedBytes,
});

export const knownListing = (rows: readonly KnownRow[]): Listing<KnownRow> => ({
  rows,
  columns: [
    { title: 'PRODUCT', value: row => row.product },
    { title: 'VERSION', value: row => row.version },
    { title: 'ARCHITECTURE', value: row => row.architecture },
    { title: 'FROM', value: row => row.source },
    { title: 'FILES', value: row => row.files },
    { title: 'SIZE', value: row => bytes(row.bytes) },
    { title: 'TIER', value: row => row.tier },
    { title: 'IMPORTED', value: row => moment(row.importedAt) },
    { title: 'BY', value: row => row.importedBy, wide: true },
    { title: 'PACKAGE', value: row => row.package, wide: true },
  ],
  name: row => `${row.product}@${row.version}`,
  empty: 'No product is known file by file: "tidemark signatures import FILE" learns one.',
});

type Described = ReplyOf<'getPackage'>;

/** A signature for people; its files too where they asked for all. */
export function signatureLines(signature: Described, wide: boolean): string[] {
  const { product, version, architecture, source, vendor, attestations, files, installedBytes, listed } = signature;
  const lines = fields([
    ['product', product],
    ['version', version],
    ['architecture', architecture],
    ['from', `${source}, ${bytes(signature.bytes)}, ${signature.package}`],
    ['made by', vendor && plain(vendor)],
    ['files', `${files}, ${bytes(installedBytes)} installed`],
    ['imported', `${moment(signature.importedAt)} by ${plain(signature.importedBy)}`],
    ...attestations.map(({ tier, by, via }) => [tier, `${plain(by)}${via === '' ? '' : ` in ${plain(via)}`}`] as const),
  ]);
  if (!wide) return lines;
  const rows = table(
    [
      { title: 'PATH', value: file => file.path + (file.target === null ? '' : ` -> ${file.target}`) },
      { title: 'KIND', value: file => file.kind },
      { title: 'MODE', value: file => file.mode?.toString(8).padStart(4, '0') ?? null },
      { title: 'OWNER', value: file => (file.owner === null ? null : `${file.owner}:${file.group}`) },
      { title: 'SIZE', value: file => file.size },
      { title: 'FLAGS', value: file => file.flags.join(' ') },
      { title: 'SHA-256', value: file => file.sha256 },
    ],
    listed,
  );
  const more = files - listed.length;
  return [...lines, '', ...rows, ...(more > 0 ? [`... and ${more} more`] : [])];
}
