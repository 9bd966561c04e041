import { Buffer } from 'node:buffer';
import { type ByteReader, type ByteWriter, NotCanonical } from '../merkle/codec.ts';

/** Who may do what with a file. An object of its own, since a server has millions of files and a handful of these. */
export interface Meta {
  /** Permission, set-id and sticky bits. */
  mode: number;
  /** Names, not numbers, since numbers differ between servers; `#1001` where the server has no name for one. */
  owner: string;
  group: string;
  /** What else a file system keeps about a file (capabilities, ACL, labels), by attribute name; sorted when encoded. */
  attributes: ReadonlyMap<string, Buffer>;
}

const MAX_MODE = 0o7777;
const MAX_OWNER_BYTES = 256;
const MAX_ATTRIBUTES = 64;
const MAX_ATTRIBUTE_NAME_BYTES = 255;
const MAX_ATTRIBUTE_BYTES = 32 * 1024;

/** The body of a meta node; node.ts puts the header in front. */
export function writeMeta(writer: ByteWriter, meta: Meta): void {
  writer.varint(meta.mode).bytes(Buffer.from(meta.owner)).bytes(Buffer.from(meta.group));
  const attributes = [...meta.attributes].map(([name, value]) => ({ name: Buffer.from(name), value }));
  attributes.sort((a, b) => a.name.compare(b.name));
  writer.varint(attributes.length);
  for (const { name, value } of attributes) writer.bytes(name).bytes(value);
}

export function readMeta(reader: ByteReader): Meta {
  const mode = reader.varint('the mode', MAX_MODE);
  const owner = text(reader.bytes('the owner', MAX_OWNER_BYTES), 'the owner');
  const group = text(reader.bytes('the group', MAX_OWNER_BYTES), 'the group');
  const attributes = new Map<string, Buffer>();
  const count = reader.varint('the number of attributes', MAX_ATTRIBUTES);
  let before: Buffer | null = null;
  for (let index = 0; index < count; index++) {
    const name = reader.bytes('an attribute name', MAX_ATTRIBUTE_NAME_BYTES);
    if (before && before.compare(name) >= 0) throw new NotCanonical('attributes are not in order');
    before = name;
    attributes.set(text(name, 'an attribute name'), reader.bytes('an attribute', MAX_ATTRIBUTE_BYTES));
  }
  return { mode, owner, group, attributes };
}

/** Text whose bytes come back from it: not every byte string is UTF-8, and U+FEFF must not vanish. */
function text(bytes: Buffer, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new NotCanonical(`${what} is not UTF-8`);
  }
}
