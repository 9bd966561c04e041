import { createHash } from 'node:crypto';
import { Collector } from './collector.ts';
import { readCpio } from './cpio.ts';
import { decompressed } from './decompress.ts';
import type { Harvested, PackageFile } from './harvested.ts';
import { type HarvestLimits, mostUnpackedBytes } from './limits.ts';
import { generatedBy } from './maintainer-scripts.ts';
import { mergedPath } from './paths.ts';
import { HarvestProblem } from './problem.ts';
import { rpmFiles } from './rpm-files.ts';
import { type RpmHeader, readRpmHeader } from './rpm-header.ts';
import { StreamReader } from './stream-reader.ts';

const LEAD_BYTES = 96;
const LEAD_MAGIC = Buffer.from([0xed, 0xab, 0xee, 0xdb]);

/** Of the signature header. */
const SIGNATURE = { rsa: 268, dsa: 267, sha256: 273 } as const;
const TAG = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  vendor: 1011,
  arch: 1022,
  preInstall: 1023,
  postInstall: 1024,
  sourcePackage: 1106,
  payloadFormat: 1124,
  payloadDigests: 5092,
  payloadDigestAlgorithm: 5093,
} as const;
/** Hash algorithms are numbered as in OpenPGP (RFC 9580, section 9.5). */
const SHA256 = 8;

/** A package and what its vendor signed of it. */
export interface HarvestedRpm extends Harvested {
  /** Over exactly these bytes, in which the digests of files and payload stand; null for a package without signature. */
  signed: { bytes: Buffer; signature: Buffer } | null;
}

/**
 * Reads an rpm package. Its header has every file's digest, and the payload's: the payload is hashed, and unpacked only
 * where the digests of files are none of SHA-256. Throws a {@link HarvestProblem} for a package that is not sound.
 */
export async function harvestRpm(file: PackageFile, limits: HarvestLimits): Promise<HarvestedRpm> {
  const reader = new StreamReader(file.read());
  const lead = await reader.exact(LEAD_BYTES, 'the lead of the package');
  if (!lead.subarray(0, LEAD_MAGIC.length).equals(LEAD_MAGIC))
    throw new HarvestProblem('not-sound', 'the package is no rpm package');
  const signatures = await readRpmHeader(reader, 'the signature header', true, limits);
  const header = await readRpmHeader(reader, 'the header', false, limits);
  checkHeader(signatures, header);
  const [product, version, release] = [header.text(TAG.name), header.text(TAG.version), header.text(TAG.release)];
  if (!product || !version || !release)
    throw new HarvestProblem('not-sound', 'the header of the package lacks its name, version or release');
  const epoch = header.numbers(TAG.epoch)?.[0];
  const { listed, weak } = rpmFiles(header, limits);
  const files = new Collector({ limits, packedBytes: file.bytes, at: '/', usrMerged: true });
  if (weak) {
    // What the payload says, by path; the header says the rest.
    const contents = await payloadDigests(hashedPayload(reader, header), file.bytes, limits);
    for (const each of listed) {
      if (each.kind !== 'file' || each.flags.includes('ghost')) continue;
      each.sha256 = contents.get(each.path) ?? null;
      if (each.sha256 === null)
        throw new HarvestProblem('not-sound', `the payload lacks ${each.path}, which the header names`);
    }
  } else {
    for await (const _ of hashedPayload(reader, header));
  }
  for (const each of listed) files.add({ ...each, path: mergedPath(each.path, each.kind === 'directory') });
  const scripts = [TAG.preInstall, TAG.postInstall].map(tag => header.text(tag) ?? '');
  for (const each of generatedBy(scripts)) if (!files.has(each.path)) files.add(each);
  const signature = signatures.binary(SIGNATURE.rsa) ?? signatures.binary(SIGNATURE.dsa);
  return {
    source: 'rpm',
    product,
    version: `${epoch ? `${epoch}:` : ''}${version}-${release}`,
    architecture:
      header.text(TAG.sourcePackage) === null && header.numbers(TAG.sourcePackage) !== null
        ? 'src'
        : header.text(TAG.arch),
    vendor: header.text(TAG.vendor),
    files: files.files,
    signed: signature && { bytes: header.bytes, signature },
  };
}

function checkHeader(signatures: RpmHeader, header: RpmHeader): void {
  const announced = signatures.text(SIGNATURE.sha256);
  if (announced === null) return;
  const found = createHash('sha256').update(header.bytes).digest('hex');
  if (found !== announced)
    throw new HarvestProblem(
      'checksum',
      `the header of the package has digest ${found.slice(0, 12)}, announced was ${announced.slice(0, 12)}`,
    );
}

/** The payload up to its end, where its digest must be the one in the header. */
async function* hashedPayload(reader: StreamReader, header: RpmHeader): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const part of reader.rest()) {
    hash.update(part);
    yield part;
  }
  const [announced] = header.texts(TAG.payloadDigests) ?? [];
  const algorithm = header.numbers(TAG.payloadDigestAlgorithm)?.[0] ?? SHA256;
  // Before rpm 4.14 there was none; then only a digest of the whole package says that the payload is.
  if (announced === undefined || algorithm !== SHA256) return;
  const found = hash.digest('hex');
  if (found !== announced)
    throw new HarvestProblem(
      'checksum',
      `the payload of the package has digest ${found.slice(0, 12)}, its header says ${announced.slice(0, 12)}: it is damaged or cut`,
    );
}

/** SHA-256 of every file in the payload, by its path. */
async function payloadDigests(
  packed: AsyncIterable<Buffer>,
  bytes: number,
  limits: HarvestLimits,
): Promise<Map<string, string>> {
  const most = mostUnpackedBytes(limits, bytes) + limits.maxMembers * 1024;
  const unpacked = decompressed(packed, { what: 'the payload', most });
  const contents = new Map<string, string>();
  const collector = new Collector({ limits, packedBytes: bytes, at: '/', usrMerged: false });
  await readCpio(new StreamReader(unpacked), limits, member => collector.take(member));
  for (const each of collector.files)
    if (each.kind === 'file' && each.sha256 !== null) contents.set(each.path, each.sha256);
  return contents;
}
