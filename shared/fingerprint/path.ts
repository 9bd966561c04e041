import { Buffer } from 'node:buffer';
import { ROOT_NAME } from './entry.ts';

/*
 * Paths are bytes. Where they meet people or JSON they are text, from which the bytes can be found again: whatever
 * is not well-formed UTF-8, steers a terminal or turns the direction of writing becomes `\xHH` byte by byte, and a
 * backslash becomes `\\`. All other paths look as they are.
 */

const SLASH = Buffer.from('/');

/** The path of `name` in `directory`; the root of a tree is in the directory of no name. */
export function joinPath(directory: Buffer, name: Buffer): Buffer {
  if (directory.length === 0) return name;
  return directory.toString('latin1') === ROOT_NAME
    ? Buffer.concat([directory, name])
    : Buffer.concat([directory, SLASH, name]);
}

/** The names of a path, outermost first. */
export function namesOf(path: Buffer): Buffer[] {
  return path
    .toString('latin1')
    .split('/')
    .filter(name => name !== '')
    .map(name => Buffer.from(name, 'latin1'));
}

/** The path relative to `directory`, or null where it is not below. */
export function pathBelow(directory: Buffer, path: Buffer): Buffer | null {
  const prefix = directory.toString('latin1') === ROOT_NAME ? SLASH : Buffer.concat([directory, SLASH]);
  return path.length > prefix.length && path.subarray(0, prefix.length).equals(prefix)
    ? path.subarray(prefix.length)
    : null;
}

/** Whether the bytes are UTF-8, so that the text alone says it all. */
export const isUtf8 = (bytes: Buffer): boolean => Buffer.from(bytes.toString('utf8')).equals(bytes);

// C0 and C1 controls, line and paragraph separator, marks and overrides of writing direction, zero-width characters.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;

/** Text for a path; {@link pathBytes} gives the bytes back. */
export function pathText(path: Uint8Array): string {
  const bytes = Buffer.from(path.buffer, path.byteOffset, path.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    const part = bytes.subarray(at, at + length);
    const character = part.toString('utf8');
    if (character === '\\') text += '\\\\';
    else if (length === 1 && (bytes[at] ?? 0) >= 0x80) text += escaped(part);
    else text += HIDDEN.test(character) ? escaped(part) : character;
    at += length;
  }
  return text;
}

/** The bytes of what {@link pathText} made. A backslash that begins no escape stands for itself. */
export function pathBytes(text: string): Buffer {
  const parts = text.split(/(\\x[0-9a-f]{2}|\\\\)/);
  return Buffer.concat(
    parts.map(part => {
      if (part === '\\\\') return Buffer.from('\\');
      return part.startsWith('\\x') && part.length === 4 ? Buffer.from(part.slice(2), 'hex') : Buffer.from(part);
    }),
  );
}

const escaped = (bytes: Buffer): string => [...bytes].map(byte => `\\x${byte.toString(16).padStart(2, '0')}`).join('');

/** How many bytes the well-formed character at `at` has; 1 where there is none. */
function characterLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  const length = first < 0x80 ? 1 : first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;
  if (length === 1) return 1;
  return at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 1;
}
