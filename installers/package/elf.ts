/*
 * Puts a blob into a 64-bit little-endian ELF program where Node looks for it: a note that is called NODE_SEA_BLOB, in a segment of
 * notes (docs/decisions/0530). Everything that is not loaded is left out on the way: symbols, and the table of sections.
 */

/** What Node calls its blob, and what it looks at to know that there is one. */
export const BLOB_NAME = 'NODE_SEA_BLOB';
export const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const HEADER = { phoff: 0x20, shoff: 0x28, phentsize: 0x36, phnum: 0x38, shnum: 0x3c, shstrndx: 0x3e } as const;
const SEGMENT = { type: 0, flags: 4, offset: 8, vaddr: 16, paddr: 24, filesz: 32, memsz: 40 } as const;
const LOAD = 1;
const NOTE = 4;

interface Segment {
  /** Where its entry lies in the file. */
  entry: number;
  type: number;
  offset: number;
  vaddr: number;
  filesz: number;
  memsz: number;
}

/**
 * Gives the program with the blob in it. No entry is added to the table of segments, for which there is no room: the last segment
 * that is loaded grows by its zeros and the blob, and the segment of notes moves there. Throws where the program is
 * not of this kind.
 */
export function withBlob(program: Buffer, blob: Buffer): Buffer {
  if (program.readUInt32BE(0) !== 0x7f454c46 || program[4] !== 2 || program[5] !== 1)
    throw new Error('this is no 64-bit little-endian ELF program');
  const segments = segmentsOf(program);
  const loaded = segments.filter(({ type }) => type === LOAD);
  const last = loaded.reduce((a, b) => (a.vaddr > b.vaddr ? a : b));
  const [notes, ...others] = segments.filter(({ type }) => type === NOTE);
  if (!notes || others.length > 0 || loaded.some(({ offset }) => offset > last.offset))
    throw new Error('this ELF program has not one segment of notes, or its last segment is not its last bytes');

  const noteStart = alignTo(last.memsz, 8);
  const moved = Buffer.concat([program.subarray(notes.offset, notes.offset + notes.filesz), noteOf(blob)]);
  const grown = Buffer.alloc(last.offset + noteStart + moved.length);
  program.copy(grown, 0, 0, last.offset + last.filesz);
  moved.copy(grown, last.offset + noteStart);

  setSize(grown, last.entry, noteStart + moved.length);
  setPlace(grown, notes.entry, { offset: last.offset + noteStart, vaddr: last.vaddr + noteStart });
  setSize(grown, notes.entry, moved.length);
  grown.writeBigUInt64LE(0n, HEADER.shoff);
  for (const field of [HEADER.shnum, HEADER.shstrndx]) grown.writeUInt16LE(0, field);
  lightFuse(grown);
  return grown;
}

/** Tells Node that there is a blob to look for. */
function lightFuse(program: Buffer): void {
  const at = program.indexOf(`${FUSE}:0`);
  if (at < 0) throw new Error('this Node cannot be made a single executable: it has no fuse, or a blob already');
  program.write('1', at + FUSE.length + 1);
}

function segmentsOf(program: Buffer): Segment[] {
  const [size, count] = [program.readUInt16LE(HEADER.phentsize), program.readUInt16LE(HEADER.phnum)];
  const start = Number(program.readBigUInt64LE(HEADER.phoff));
  return Array.from({ length: count }, (_, index) => {
    const entry = start + index * size;
    const number = (field: number) => Number(program.readBigUInt64LE(entry + field));
    return {
      entry,
      type: program.readUInt32LE(entry),
      offset: number(SEGMENT.offset),
      vaddr: number(SEGMENT.vaddr),
      filesz: number(SEGMENT.filesz),
      memsz: number(SEGMENT.memsz),
    };
  });
}

/** Name and content of a note each begin at a multiple of four. */
function noteOf(blob: Buffer): Buffer {
  const name = Buffer.from(`${BLOB_NAME}\0`);
  const note = Buffer.alloc(12 + alignTo(name.length, 4) + alignTo(blob.length, 4));
  note.writeUInt32LE(name.length, 0);
  note.writeUInt32LE(blob.length, 4);
  name.copy(note, 12);
  blob.copy(note, 12 + alignTo(name.length, 4));
  return note;
}

function setSize(program: Buffer, entry: number, bytes: number): void {
  for (const field of [SEGMENT.filesz, SEGMENT.memsz]) program.writeBigUInt64LE(BigInt(bytes), entry + field);
}

function setPlace(program: Buffer, entry: number, { offset, vaddr }: { offset: number; vaddr: number }): void {
  program.writeBigUInt64LE(BigInt(offset), entry + SEGMENT.offset);
  for (const field of [SEGMENT.vaddr, SEGMENT.paddr]) program.writeBigUInt64LE(BigInt(vaddr), entry + field);
}

const alignTo = (bytes: number, multiple: number): number => Math.ceil(bytes / multiple) * multiple;
