/*
 * What comes from servers is shown as text and never obeyed: an escape sequence could repaint the terminal, a
 * direction mark could make "1.4.1" read backwards.
 */

/** C0, DEL and C1 controls, line and paragraph separators, direction marks, and zero-width characters that hide text. */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]/g;
/** A whole escape sequence goes, so that no `[31m` is left lying about. */
const ANSI =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[PX^_][^\u001b]*(?:\u001b\\)?|[ -/]*[0-~])/g;

/** Text of any origin, fit for one line. */
export const plain = (text: string): string =>
  plainLines(text)
    .replace(/[\n\t]+/g, ' ')
    .trim();

/** Text of any origin with its line breaks and tabs kept. */
export const plainLines = (text: string): string =>
  text
    .replace(ANSI, '')
    .replace(/\r\n/g, '\n')
    .replace(UNSAFE, '')
    .replace(/[\ud800-\udfff]/gu, '\ufffd');
