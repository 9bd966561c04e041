import { ByteReader, ByteWriter, NotCanonical } from '@tidemark/shared/merkle/codec.ts';

/*
 * The files of a product version. One set of files has one encoding, so that the digest of a list is its identity:
 * versions with the same files share it.
 */

export const LISTED_KINDS = ['file', 'directory', 'symlink', 'member'] as const;
/** A `member` lies inside of an archive that is itself a file: `/srv/app.war!/WEB-INF/lib/a.jar!/A.class`. */
export type ListedKind = (typeof LISTED_KINDS)[number];

/**
 * config: people may change it. ghost: the package owns it and does not bring it. no-verify: the vendor says that its
 * content differs. generated: scripts of the package make it. missing-ok: need not be there.
 */
export const FILE_FLAGS = ['config', 'ghost', 'no-verify', 'doc', 'generated', 'missing-ok'] as const;
export type FileFlag = (typeof FILE_FLAGS)[number];

export interface ListedFile {
  /** Absolute, as installed; one character for each byte, since names are bytes. */
  path: string;
  kind: ListedKind;
  flags: FileFlag[];
  /** Permission bits with setuid, setgid and sticky; null where the format does not say. */
  mode: number | null;
  owner: string | null;
  group: string | null;
  /** Bytes; 0 of what has no content. */
  size: number;
  /** SHA-256 of the content as 64 hex digits; null where there is none, or it is not known. */
  sha256: string | null;
  /** Of a symlink, as written, one character for each byte. */
  target: string | null;
  /** As cap_from_text(3) takes it, empty for none; not there where the format does not say. */
  capabilities?: string;
}

const TAG = Buffer.from('tidemark/file-list/v1\n');
const DIGEST_BYTES = 32;
const MAX_TEXT_BYTES = 64 * 1024;
const MAX_FILES = 4_000_000;
/** Above all modes: the text of capabilities stands behind the target. Of lists without any the encoding is as it was before. */
export const WITH_CAPABILITIES = 0o20000;

/** The encoding; of files in any order, no path twice. */
export function encodeFileList(files: readonly ListedFile[]): Buffer {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const names = [...new Set(sorted.flatMap(({ owner, group }) => [owner, group]))].filter(name => name !== null).sort();
  const indexOf = new Map(names.map((name, at) => [name, at + 1]));
  const out = new ByteWriter().raw(TAG).varint(names.length);
  for (const name of names) out.bytes(Buffer.from(name, 'latin1'));
  out.varint(sorted.length);
  let before = '';
  for (const file of sorted) {
    const shared = sharedPrefix(before, file.path);
    before = file.path;
    out.varint(shared).bytes(Buffer.from(file.path.slice(shared), 'latin1'));
    out.byte(LISTED_KINDS.indexOf(file.kind)).varint(flagBits(file.flags));
    const more = file.capabilities === undefined ? 0 : WITH_CAPABILITIES;
    out.varint((file.mode === null ? 0 : file.mode + 1) + more);
    for (const name of [file.owner, file.group]) out.varint(name === null ? 0 : (indexOf.get(name) ?? 0));
    out.varint(file.size);
    out.bytes(Buffer.from(file.sha256 ?? '', 'hex'));
    out.bytes(Buffer.from(file.target ?? '', 'latin1'));
    if (file.capabilities !== undefined) out.bytes(Buffer.from(file.capabilities, 'latin1'));
  }
  return out.finish();
}

/** The files that {@link encodeFileList} wrote, sorted by path. Throws {@link NotCanonical} for any other bytes. */
export function decodeFileList(bytes: Uint8Array): ListedFile[] {
  const reader = new ByteReader(bytes);
  if (!reader.raw(TAG.length, 'the tag').equals(TAG)) throw new NotCanonical('this is no list of files');
  const names: (string | null)[] = [null];
  for (let left = reader.varint('the number of names', MAX_FILES); left > 0; left--) names.push(text(reader, 'a name'));
  const nameAt = (): string | null => names[reader.varint('the index of a name', names.length - 1)] ?? null;
  const files: ListedFile[] = [];
  let path = '';
  for (let left = reader.varint('the number of files', MAX_FILES); left > 0; left--) {
    const next: string = path.slice(0, reader.varint('a prefix', path.length)) + text(reader, 'a path');
    if (next <= path) throw new NotCanonical('the paths are not in order');
    path = next;
    const kind = LISTED_KINDS[reader.byte('a kind')];
    if (kind === undefined) throw new NotCanonical('a file of no kind');
    const flags = flagsOf(reader.varint('flags', 2 ** FILE_FLAGS.length - 1));
    const marked = reader.varint('a mode', WITH_CAPABILITIES + 0o10000);
    const mode = marked & (WITH_CAPABILITIES - 1);
    if (mode > 0o10000) throw new NotCanonical('a mode that is none');
    const [owner, group] = [nameAt(), nameAt()];
    const size = reader.varint('a size');
    const digest = reader.bytes('a digest', DIGEST_BYTES);
    const target = text(reader, 'a target');
    const capabilities = marked >= WITH_CAPABILITIES ? { capabilities: text(reader, 'capabilities') } : {};
    files.push({
      path,
      kind,
      flags,
      mode: mode === 0 ? null : mode - 1,
      owner,
      group,
      size,
      sha256: digest.length === 0 ? null : digest.toString('hex'),
      target: kind === 'symlink' ? target : null,
      ...capabilities,
    });
  }
  reader.end();
  return files;
}

const text = (reader: ByteReader, what: string): string => reader.bytes(what, MAX_TEXT_BYTES).toString('latin1');

const flagBits = (flags: readonly FileFlag[]): number =>
  flags.reduce((bits, flag) => bits | (1 << FILE_FLAGS.indexOf(flag)), 0);

const flagsOf = (bits: number): FileFlag[] => FILE_FLAGS.filter((_, at) => (bits & (1 << at)) !== 0);

function sharedPrefix(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at < most && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}
