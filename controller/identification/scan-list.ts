import { LISTED_KINDS, WITH_CAPABILITIES } from '../harvest/file-list.ts';
import { EMPTY_PATH, stepA, stepB } from './path-hash.ts';

/*
 * Goes over the encoding of a list of files (controller/harvest/file-list.ts) without making anything of it: a library of
 * 5,000 versions has millions of files, of which most are the same. Takes only what that encoder wrote.
 */

/** One file, valid until the next; the digest is in `bytes` from `digestAt` on, `digestBytes` long (0 or 32). */
export interface ScannedFile {
  bytes: Buffer;
  a: number;
  b: number;
  kind: (typeof LISTED_KINDS)[number];
  flags: number;
  digestAt: number;
  digestBytes: number;
  targetAt: number;
  targetBytes: number;
  /** As it is encoded: one more than the mode, or 0, and {@link WITH_CAPABILITIES}. */
  mode: number;
  /** Of the names of the list, counted from 1; 0 for none. */
  owner: number;
  group: number;
  capabilitiesAt: number;
  capabilitiesBytes: number;
  /** As it lies on the disk: bytes and how many of them. */
  path: Buffer;
  pathBytes: number;
}

export interface ListVisitor {
  /** Comes first: what owners and groups are called. */
  names?(names: readonly string[]): void;
  /** Comes to a directory that this list has something in; the whole is the one of no name. May come to one again. */
  directory(a: number, b: number): void;
  file(file: ScannedFile): void;
}

const TAG_BYTES = Buffer.byteLength('tidemark/file-list/v1\n');
const SLASH = 0x2f;
const USR = Buffer.from('/usr');
const MAX_PATH = 128 * 1024;
/** Directories of the root that are links into /usr since the merge; see controller/harvest/paths.ts. */
const MERGED = /^\/(bin|sbin|lib|lib32|lib64|libo32|libx32)\//;

const [B, S, L] = [0x62, 0x73, 0x6c];
function isMerged(path: Buffer, end: number): boolean {
  const first = path[1];
  // Nearly all begin otherwise, and a text costs more than all the rest.
  if (first !== B && first !== S && first !== L) return false;
  return MERGED.test(path.toString('latin1', 0, Math.min(end, LONGEST_MERGED)));
}

/** As many first bytes as say whether it is one: those behind them may be of the path before. */
const LONGEST_MERGED = '/libx32/'.length;

/** The path of one file and the hash up to each of its bytes; one list is scanned at a time, without a pause. */
const SCRATCH = {
  path: Buffer.alloc(MAX_PATH),
  hashA: new Int32Array(MAX_PATH + 1),
  hashB: new Int32Array(MAX_PATH + 1),
};

/** Visits every file of a list; paths below /bin, /lib and the like count as those below /usr. */
export function scanList(bytes: Buffer, visit: ListVisitor): void {
  let at = TAG_BYTES;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
  };
  const names: string[] = [];
  for (let left = varint(); left > 0; left--) {
    const length = varint();
    names.push(bytes.toString('latin1', at, at + length));
    at += length;
  }
  visit.names?.(names);
  const { path, hashA, hashB } = SCRATCH;
  hashA[0] = EMPTY_PATH.a;
  hashB[0] = EMPTY_PATH.b;
  const file: ScannedFile = {
    bytes,
    path,
    ...{ a: 0, b: 0, kind: 'file', flags: 0, digestAt: 0, digestBytes: 0, targetAt: 0, targetBytes: 0, pathBytes: 0 },
    ...{ mode: 0, owner: 0, group: 0, capabilitiesAt: 0, capabilitiesBytes: 0 },
  };
  visit.directory(EMPTY_PATH.a, EMPTY_PATH.b);
  /** Bytes of `/usr` that the path before had in front of what is written. */
  let offset = 0;
  for (let left = varint(); left > 0; left--) {
    let from = varint();
    const length = varint();
    if (offset === 0) bytes.copy(path, from, at, at + length);
    else bytes.copy(path, from + offset, at, at + length);
    from += offset;
    let end = from + length;
    at += length;
    // What is behind the merge is written without /usr in front; a new beginning says whether this one is.
    if (from < LONGEST_MERGED + offset) {
      if (offset > 0) {
        path.copyWithin(0, offset, end);
        end -= offset;
      }
      from = 0;
      offset = isMerged(path, end) ? USR.length : 0;
      if (offset > 0) {
        path.copyWithin(offset, 0, end);
        USR.copy(path);
        end += offset;
      }
    }
    let a = hashA[from] ?? 0;
    let b = hashB[from] ?? 0;
    for (let position = from; position < end; position++) {
      const byte = path[position] ?? 0;
      if (byte === SLASH && position > 0) visit.directory(a, b);
      a = stepA(a, byte);
      b = stepB(b, byte);
      hashA[position + 1] = a;
      hashB[position + 1] = b;
    }
    file.a = a;
    file.b = b;
    file.pathBytes = end;
    file.kind = LISTED_KINDS[bytes[at++] ?? 0] ?? 'file';
    file.flags = varint();
    file.mode = varint();
    file.owner = varint();
    file.group = varint();
    varint();
    file.digestBytes = varint();
    file.digestAt = at;
    at += file.digestBytes;
    file.targetBytes = varint();
    file.targetAt = at;
    at += file.targetBytes;
    file.capabilitiesBytes = file.mode >= WITH_CAPABILITIES ? varint() : 0;
    file.capabilitiesAt = at;
    at += file.capabilitiesBytes;
    visit.file(file);
  }
}
