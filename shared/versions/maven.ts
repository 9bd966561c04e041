/**
 * The order of Maven's versions (maven.apache.org, "Version Order Specification"): numbers and words between `.`, `-`, `_` and
 * where letters and digits meet; words with a meaning of their own come before, at, or after the release; what says nothing
 * (`1.0`, `1-ga`) is left out. Negative where `a` is older than `b`.
 */
export function compareMavenVersions(a: string, b: string): number {
  const [left, right] = [tokensOf(a), tokensOf(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const [one, other] = [left[index], right[index]];
    const order = compareTokens(one ?? padding(other), other ?? padding(one));
    if (order !== 0) return order;
  }
  return 0;
}

interface Token {
  separator: '.' | '-';
  value: bigint | string;
}

const QUALIFIERS = ['alpha', 'beta', 'milestone', 'rc', 'snapshot', '', 'sp'];
const ALIASES: Readonly<Record<string, string>> = { ga: '', final: '', release: '', cr: 'rc' };
/** One letter counts as a word only where a digit follows: `1-a1`, but not `1-a`. */
const LETTERS: Readonly<Record<string, string>> = { a: 'alpha', b: 'beta', m: 'milestone' };

function tokensOf(version: string): Token[] {
  const tokens: Token[] = [];
  let separator: Token['separator'] = '.';
  const parts = version.toLowerCase().matchAll(/([-._]?)(\d+|[^-._\d]+|(?=[-._]|$))/g);
  let lastKind: 'digits' | 'letters' | null = null;
  for (const { 1: written = '', 2: text = '', index, 0: whole } of parts) {
    if (whole === '' && index === version.length && tokens.length > 0) break;
    const isNumber = /^\d/.test(text);
    // `_` is as good as `-`; where letters and digits meet, there is one unwritten.
    if (written === '.') separator = '.';
    else if (written !== '' || (lastKind !== null && (lastKind === 'digits') !== isNumber)) separator = '-';
    const followed = /\d/.test(version[index + whole.length] ?? '');
    tokens.push({ separator, value: isNumber ? BigInt(text) : wordOf(text, followed) });
    lastKind = isNumber ? 'digits' : text === '' ? null : 'letters';
  }
  return trimmed(tokens);
}

/** An empty part is the number 0, as `1..2` is `1.0.2`. */
function wordOf(text: string, followedByDigit: boolean): string | bigint {
  if (text === '') return 0n;
  if (followedByDigit && Object.hasOwn(LETTERS, text)) return LETTERS[text] ?? text;
  return Object.hasOwn(ALIASES, text) ? (ALIASES[text] ?? text) : text;
}

/** From the end and before each `-` or word, what says nothing goes. */
function trimmed(tokens: readonly Token[]): Token[] {
  const kept: Token[] = [];
  const drop = () => {
    while (kept.length > 0 && isNothing(kept.at(-1)?.value)) kept.pop();
  };
  for (const token of tokens) {
    if (token.separator === '-') drop();
    kept.push(token);
  }
  drop();
  return kept;
}

const isNothing = (value: Token['value'] | undefined): boolean => value === 0n || value === '';

/** What stands for a part that one of the two has no more. */
const padding = (other: Token | undefined): Token => ({
  separator: other?.separator ?? '.',
  value: typeof other?.value === 'bigint' ? 0n : '',
});

function compareTokens(a: Token, b: Token): number {
  if (typeof a.value === 'bigint' && typeof b.value === 'bigint') {
    if (a.separator !== b.separator) return a.separator === '-' ? -1 : 1;
    return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
  }
  // A number is newer than any word.
  if (typeof a.value === 'bigint') return 1;
  if (typeof b.value === 'bigint') return -1;
  const [left, right] = [rankOf(a.value), rankOf(b.value)];
  if (left !== right) return left - right;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

function rankOf(word: string): number {
  const rank = QUALIFIERS.indexOf(word);
  return rank < 0 ? QUALIFIERS.length : rank;
}
