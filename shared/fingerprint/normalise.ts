import { Buffer, isUtf8 } from 'node:buffer';
import type { Normaliser } from './profile.ts';

/** What is a host's own, and may stand in its configuration. */
export interface HostIdentity {
  /** Short and long names. */
  names: readonly string[];
  /** Of its interfaces: IPv4, IPv6 and hardware addresses, as text. */
  addresses: readonly string[];
  /** Its machine id and the like. */
  ids: readonly string[];
}

const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi;
const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const MONTH = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const CLOCK = String.raw`\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?`;
const ZONE = String.raw`(?: ?(?:Z|UTC|GMT|[A-Z]{3,4}|[+-]\d{2}:?\d{2}))?`;
const TIMESTAMPS = [
  // ISO 8601, with a date alone, too.
  new RegExp(String.raw`\b\d{4}-\d{2}-\d{2}(?:[T ]${CLOCK}${ZONE})?(?![\w-])`, 'g'),
  // RFC 5322 and date(1).
  new RegExp(String.raw`\b${DAY},? +\d{1,2} +${MONTH} +\d{4} +${CLOCK}${ZONE}`, 'g'),
  // asctime(3), also as date(1) writes it in the C locale.
  new RegExp(String.raw`\b${DAY} +${MONTH} +\d{1,2} +${CLOCK}${ZONE}(?: +\d{4})?`, 'g'),
];
const SECTION = /^\s*\[.*\]\s*$/;

/**
 * A text without what may differ between hosts that are configured alike: only what belongs to the host itself is taken
 * out of `hostname` and `addresses`, so that a peer which asks another name server still differs. Null for what is no
 * text. `key-order` also drops empty lines and comments, which have no place among sorted lines.
 */
export function normaliseText(content: Buffer, rules: readonly Normaliser[], identity: HostIdentity): Buffer | null {
  if (content.includes(0) || !isUtf8(content)) return null;
  let text = content.toString('utf8');
  // Fixed order: an identity may be part of what a later rule would take for something else.
  if (rules.includes('timestamps')) for (const form of TIMESTAMPS) text = text.replace(form, '<timestamp>');
  if (rules.includes('uuids')) text = replaceWords(text.replace(UUID, '<uuid>'), identity.ids, '<uuid>');
  if (rules.includes('addresses')) text = replaceWords(text, identity.addresses, '<address>');
  if (rules.includes('hostname')) text = replaceWords(text, identity.names, '<hostname>');
  if (rules.includes('key-order')) text = sortSections(text);
  return Buffer.from(text);
}

/** Whole words only: `db1` is not in `db10`, `10.0.0.1` not in `10.0.0.12` nor in `110.0.0.1`. The longest first. */
function replaceWords(text: string, words: readonly string[], by: string): string {
  return [...words]
    .filter(word => word !== '')
    .sort((a, b) => b.length - a.length)
    .reduce((rest, word) => rest.replace(wholeWord(word), by), text);
}

/** A port may follow a name; what has colons of its own ends only where there is no other. */
function wholeWord(word: string): RegExp {
  const colon = word.includes(':') ? ':' : '';
  return new RegExp(String.raw`(?<![\w.${colon}-])${escaped(word)}(?![\w${colon}-]|\.\w)`, 'gi');
}

const escaped = (word: string): string => word.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

function sortSections(text: string): string {
  const sections: string[][] = [[]];
  for (const line of text.split(/\r?\n/)) {
    const isNothing = line.trim() === '' || /^\s*[#;]/.test(line);
    if (SECTION.test(line)) sections.push([line]);
    else if (!isNothing) sections.at(-1)?.push(line);
  }
  const [loose = [], ...named] = sections;
  const sorted = [loose.sort(), ...named.map(([head = '', ...lines]) => [head, ...lines.sort()])];
  return sorted.flat().join('\n');
}
