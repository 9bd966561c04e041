import type { Buffer } from 'node:buffer';
import { AssertionFailed, assert } from '../base/assert.ts';
import { type ByteReader, type ByteWriter, NotCanonical } from '../merkle/codec.ts';
import {
  type Content,
  type Entry,
  MAX_NAME_BYTES,
  MAX_TARGET_BYTES,
  type NodeId,
  ROOT_NAME,
  SKIPPED_REASONS,
  UNREADABLE_OF,
  UNREADABLE_REASONS,
} from './entry.ts';

/*
 * The entries of one leaf: first the ids of all meta objects that they use, in order, then the entries in the order of
 * their names' bytes, each with the position of its meta object in that list. Numbers are part of the format.
 */
const KINDS = {
  file: 1,
  directory: 2,
  symlink: 3,
  block: 4,
  character: 5,
  fifo: 6,
  socket: 7,
  unstable: 8,
  unreadable: 9,
  skipped: 10,
} as const;

const EXECUTABLE = 0x01;
const KEYED = 0x02;
const NORMALISED = 0x04;

const DIGEST_BYTES = 32;
/** Every entry weighs more than 64, so that no leaf has more. */
const MAX_ENTRIES = 256;
const NO_META = 0;

export function writeEntries(writer: ByteWriter, entries: readonly Entry[]): void {
  const metas = new Map<string, Buffer>();
  for (const { meta } of entries) if (meta) metas.set(meta.toString('latin1'), meta);
  const table = [...metas.values()].sort((a, b) => a.compare(b));
  const positions = new Map(table.map((meta, index) => [meta.toString('latin1'), index + 1]));
  writer.varint(table.length);
  for (const meta of table) writer.raw(meta);
  writer.varint(entries.length);
  for (const entry of entries) {
    writer.bytes(entry.name).byte(kindOf(entry)).byte(flagsOf(entry));
    writer.varint(entry.meta ? (positions.get(entry.meta.toString('latin1')) ?? NO_META) : NO_META);
    writeContent(writer, entry);
  }
}

export function readEntries(reader: ByteReader): Entry[] {
  const table = readMetaTable(reader);
  const used = new Set<number>();
  const count = readCount(reader);
  const entries: Entry[] = [];
  for (let index = 0; index < count; index++) {
    const { entry, position } = readEntry(reader, table);
    const before = entries.at(-1);
    if (before && before.name.compare(entry.name) >= 0) throw new NotCanonical('names are not in order');
    used.add(position);
    entries.push(entry);
  }
  used.delete(NO_META);
  if (used.size !== table.length) throw new NotCanonical('a meta object is listed that no entry uses');
  for (const entry of entries) checkName(entry, entries.length);
  return entries;
}

export const readCount = (reader: ByteReader): number => reader.varint('the number of entries', MAX_ENTRIES);

/** One entry, and which of the leaf's meta objects it has: 0 for none. */
export function readEntry(reader: ByteReader, table: readonly NodeId[]): { entry: Entry; position: number } {
  const name = reader.bytes('a name', MAX_NAME_BYTES);
  const kind = reader.byte('a kind');
  const flags = reader.byte('flags');
  const position = reader.varint('the position of a meta object', table.length);
  const meta = position === NO_META ? null : (table[position - 1] ?? null);
  return { entry: { name, ...readContent(reader, kind, flags, meta) }, position };
}

/** Goes on behind an entry that was decoded before: only what says how long it is is looked at. */
export function skipEntry(reader: ByteReader): ByteReader {
  reader.skip(reader.varint('the length of a name', MAX_NAME_BYTES), 'a name');
  const kind = reader.byte('a kind');
  const flags = reader.byte('flags');
  reader.varint('the position of a meta object');
  switch (kind) {
    case KINDS.file:
      reader.varint('a size');
      return reader.skip((flags & NORMALISED) !== 0 ? 2 * DIGEST_BYTES : DIGEST_BYTES, 'a digest');
    case KINDS.directory:
      return reader.skip(DIGEST_BYTES, 'the id of a directory');
    case KINDS.symlink:
      return reader.skip(reader.varint('the length of a target', MAX_TARGET_BYTES), 'a target');
    case KINDS.block:
    case KINDS.character:
      reader.varint('a device number');
      return reader;
    case KINDS.unreadable:
      return reader.skip(2, 'what is unreadable, and why');
    case KINDS.skipped:
      return reader.skip(1, 'why it was skipped');
    default:
      return reader;
  }
}

export function readMetaTable(reader: ByteReader): NodeId[] {
  const table: NodeId[] = [];
  const count = reader.varint('the number of meta objects', MAX_ENTRIES);
  for (let index = 0; index < count; index++) {
    const id = reader.raw(DIGEST_BYTES, 'the id of a meta object');
    const before = table.at(-1);
    if (before && before.compare(id) >= 0) throw new NotCanonical('meta objects are not in order');
    table.push(id);
  }
  return table;
}

function kindOf(entry: Content): number {
  return entry.kind === 'device' ? KINDS[entry.type] : KINDS[entry.kind];
}

function flagsOf(entry: Content): number {
  if (entry.kind !== 'file') return 0;
  return (entry.executable ? EXECUTABLE : 0) | (entry.keyed ? KEYED : 0) | (entry.normalised ? NORMALISED : 0);
}

function writeContent(writer: ByteWriter, entry: Content): void {
  switch (entry.kind) {
    case 'file':
      assert(entry.digest.length === DIGEST_BYTES, 'a digest has 32 bytes');
      writer.varint(entry.size).raw(entry.digest);
      if (entry.normalised) writer.raw(entry.normalised);
      return;
    case 'directory':
      writer.raw(entry.node);
      return;
    case 'symlink':
      writer.bytes(entry.target);
      return;
    case 'device':
      writer.varint(entry.number);
      return;
    case 'unreadable':
      writer.byte(UNREADABLE_OF.indexOf(entry.of)).byte(UNREADABLE_REASONS.indexOf(entry.reason));
      return;
    case 'skipped':
      writer.byte(SKIPPED_REASONS.indexOf(entry.reason));
      return;
    case 'fifo':
    case 'socket':
    case 'unstable':
      return;
    default:
      throw new AssertionFailed('an entry of no kind');
  }
}

function readContent(reader: ByteReader, kind: number, flags: number, meta: NodeId | null): Content {
  if (kind !== KINDS.file && flags !== 0) throw new NotCanonical('flags on what is no file');
  switch (kind) {
    case KINDS.directory:
      return { kind: 'directory', node: reader.raw(DIGEST_BYTES, 'the id of a directory'), meta };
    case KINDS.unreadable:
      return {
        kind: 'unreadable',
        of: chosen(UNREADABLE_OF, reader.byte('what is unreadable')),
        reason: chosen(UNREADABLE_REASONS, reader.byte('why it is unreadable')),
        meta,
      };
    case KINDS.skipped:
      if (meta) throw new NotCanonical('what was skipped has no meta object');
      return { kind: 'skipped', reason: chosen(SKIPPED_REASONS, reader.byte('why it was skipped')), meta: null };
    default:
      if (!meta) throw new NotCanonical('an entry without a meta object');
      return readOwned(reader, kind, flags, meta);
  }
}

/** The kinds that always have a meta object. */
function readOwned(reader: ByteReader, kind: number, flags: number, meta: NodeId): Content {
  switch (kind) {
    case KINDS.file:
      if (flags > (EXECUTABLE | KEYED | NORMALISED)) throw new NotCanonical('unknown flags');
      return {
        kind: 'file',
        executable: (flags & EXECUTABLE) !== 0,
        keyed: (flags & KEYED) !== 0,
        size: reader.varint('a size'),
        digest: reader.raw(DIGEST_BYTES, 'a digest'),
        normalised: (flags & NORMALISED) !== 0 ? reader.raw(DIGEST_BYTES, 'a digest') : null,
        meta,
      };
    case KINDS.symlink:
      return { kind: 'symlink', target: reader.bytes('a target', MAX_TARGET_BYTES), meta };
    case KINDS.block:
    case KINDS.character:
      return {
        kind: 'device',
        type: kind === KINDS.block ? 'block' : 'character',
        number: reader.varint('a device number'),
        meta,
      };
    case KINDS.fifo:
      return { kind: 'fifo', meta };
    case KINDS.socket:
      return { kind: 'socket', meta };
    case KINDS.unstable:
      return { kind: 'unstable', meta };
    default:
      throw new NotCanonical(`there is no kind ${kind}`);
  }
}

function chosen<T>(from: readonly T[], index: number): T {
  const value = from[index];
  if (value === undefined) throw new NotCanonical(`there is no reason ${index}`);
  return value;
}

const SLASH = 0x2f;

/** A name leads to one entry of one directory; only the root node has an entry called `/`, and no other. */
function checkName(entry: Entry, siblings: number): void {
  const text = entry.name.toString('latin1');
  if (text === ROOT_NAME && entry.kind === 'directory' && siblings === 1) return;
  if (text === '' || text === '.' || text === '..') throw new NotCanonical(`the name ${JSON.stringify(text)}`);
  if (entry.name.includes(SLASH) || entry.name.includes(0))
    throw new NotCanonical('a name with a slash or a zero byte');
}
