/**
 * Control characters and those that turn the direction of text, but for tab and newline: a terminal would act on the first,
 * and the second show a name as another one.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** The same text with each such character written out: `\u202e`. */
export const plain = (text: string): string =>
  text.replace(UNSEEN, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** What an agent sent as bytes, as text to look at. */
export function plainBytes(base64: string): string {
  const bytes = Uint8Array.from(atob(base64), character => character.charCodeAt(0));
  // A newline of Windows is one.
  return plain(new TextDecoder().decode(bytes).replaceAll('\r\n', '\n'));
}

/** Reads JSON so that no name and no output in it can do anything but be read. */
export const parsePlain = (json: string): unknown =>
  JSON.parse(json, (_, value) => (typeof value === 'string' ? plain(value) : value));
