import { err, ok, type Result } from '@tidemark/shared/base/result.ts';

/** Far above what a landscape of 10,000 hosts takes. */
export const MAX_TEXT_BYTES = 64 * 1024 * 1024;

/**
 * The text of a file that another program exported: UTF-8, or UTF-16 where it begins with a byte order mark. Why it is
 * none, in a sentence without its name.
 */
export function textOf(bytes: Uint8Array): Result<string, string> {
  if (bytes.length > MAX_TEXT_BYTES) return err(`is larger than ${MAX_TEXT_BYTES / 1024 / 1024} MiB: split it`);
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    const nul = text.indexOf('\0');
    if (nul < 0) return ok(text);
    const line = text.slice(0, nul).split('\n').length;
    return err(
      `holds a NUL character in line ${line}: it is no text, or UTF-16 without its byte order mark; save it as UTF-8`,
    );
  } catch {
    return err('is not UTF-8 text: save it as UTF-8');
  }
}
