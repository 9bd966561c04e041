/** What a package may hold. Everything beyond is refused by its name before it costs anything. */
export interface HarvestLimits {
  maxMembers: number;
  maxPathBytes: number;
  /** Of one name in a path. */
  maxNameBytes: number;
  maxFileBytes: number;
  /** Of all files together. */
  maxTotalBytes: number;
  /** Unpacked bytes for one byte of the package, beyond {@link HarvestLimits.ratioFreeBytes}. */
  maxRatio: number;
  ratioFreeBytes: number;
  /** Of a header, a list or a document inside of a package: what is held in memory as a whole. */
  maxHeaderBytes: number;
  /** An archive inside of an archive is held in memory, since its list stands at its end. */
  maxNestedBytes: number;
  /** Archives inside of archives. */
  maxDepth: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/**
 * The largest packages of Debian have 110,000 members (icons) and 2 GiB; an image or a middleware release has up to
 * 300,000. gzip packs zeros 1:1032, xz 1:7000; what people ship is at 1:2 to 1:20, and small files of one letter do no harm.
 */
export const DEFAULT_LIMITS: HarvestLimits = {
  maxMembers: 500_000,
  maxPathBytes: 4096,
  maxNameBytes: 255,
  maxFileBytes: 16 * GIB,
  maxTotalBytes: 64 * GIB,
  maxRatio: 200,
  ratioFreeBytes: 64 * MIB,
  maxHeaderBytes: 64 * MIB,
  maxNestedBytes: 256 * MIB,
  maxDepth: 3,
};

/** All that a package of `packedBytes` may unpack to. */
export const mostUnpackedBytes = (limits: HarvestLimits, packedBytes: number): number =>
  Math.min(limits.maxTotalBytes, limits.ratioFreeBytes + limits.maxRatio * packedBytes);
