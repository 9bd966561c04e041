import type { Buffer } from 'node:buffer';

/** As many first bytes as {@link isExecutableContent} looks at. */
export const HEAD_BYTES = 256;

const startsWith = (head: Buffer, ...bytes: number[]): boolean => bytes.every((byte, index) => head[index] === byte);

/** `PK\x03\x04` and the fields of a local file header up to the name (APPNOTE.TXT, section 4.3.7). */
const ZIP_NAME_AT = 30;
/** The extra field that `jar` puts into an archive's first entry. */
const JAR_EXTRA = 0xcafe;

/**
 * Whether a file's first bytes are those of something that runs: ELF, a script with an interpreter line, PE (DOS
 * header), Java class or Mach-O, jar. A jar is told from other zip files by its first entry.
 */
export function isExecutableContent(head: Buffer): boolean {
  return (
    startsWith(head, 0x7f, 0x45, 0x4c, 0x46) ||
    startsWith(head, 0x23, 0x21) ||
    isPortableExecutable(head) ||
    startsWith(head, 0xca, 0xfe, 0xba, 0xbe) ||
    startsWith(head, 0xcf, 0xfa, 0xed, 0xfe) ||
    startsWith(head, 0xce, 0xfa, 0xed, 0xfe) ||
    isJar(head)
  );
}

/** `MZ` alone also begins plain text, so the header must be long enough to point to the PE header. */
function isPortableExecutable(head: Buffer): boolean {
  const POINTER_AT = 0x3c;
  return startsWith(head, 0x4d, 0x5a) && head.length >= POINTER_AT + 4 && head.readUInt32LE(POINTER_AT) >= POINTER_AT;
}

function isJar(head: Buffer): boolean {
  if (!startsWith(head, 0x50, 0x4b, 0x03, 0x04) || head.length < ZIP_NAME_AT) return false;
  const nameLength = head.readUInt16LE(26);
  const extraLength = head.readUInt16LE(28);
  const name = head.subarray(ZIP_NAME_AT, ZIP_NAME_AT + nameLength).toString('latin1');
  if (/^(META-INF|WEB-INF|BOOT-INF)\//.test(name)) return true;
  const extraAt = ZIP_NAME_AT + nameLength;
  return extraLength >= 2 && head.length >= extraAt + 2 && head.readUInt16LE(extraAt) === JAR_EXTRA;
}
