/**
 * The order of Alpine's versions (apk-tools, src/version.c; wiki.alpinelinux.org, "APKBUILD Reference", pkgver): numbers with
 * dots, then at most one letter, then suffixes, a hash, and the release `-r<n>`. Components after the first that begin with
 * a zero count as fractions. Negative where `a` is older than `b`.
 */
export function compareApkVersions(a: string, b: string): number {
  const [left, right] = [tokens(a), tokens(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const [one, other] = [left[index] ?? END, right[index] ?? END];
    const order = one.rank - other.rank || compareText(one, other);
    if (order !== 0) return order;
  }
  return 0;
}

interface Token {
  /** By kind: what comes earlier in this list is older where the other version goes on differently. */
  rank: number;
  text: string;
  /** Compared character by character, as a fraction. */
  fraction: boolean;
}

/** `_alpha` to `_rc` are before the version itself, `_cvs` to `_p` after it. */
const BEFORE = ['alpha', 'beta', 'pre', 'rc'];
const AFTER = ['cvs', 'svn', 'git', 'hg', 'p'];

const RANK = { before: 0, end: 10, release: 11, after: 12, letter: 20, number: 30 } as const;
const END: Token = { rank: RANK.end, text: '', fraction: false };

function tokens(version: string): Token[] {
  const found: Token[] = [];
  const add = (rank: number, text: string, fraction = false) => found.push({ rank, text, fraction });
  const [, numbers = '', letter = '', suffixes = '', release = ''] =
    /^(\d+(?:\.\d+)*)([a-z]?)((?:_[a-z]+\d*)*)(?:~[0-9a-f]+)?(?:-r(\d+))?$/.exec(version) ?? [];
  for (const [index, number] of numbers.split('.').entries())
    add(RANK.number, number, index > 0 && number.startsWith('0') && number.length > 1);
  if (letter !== '') add(RANK.letter, letter);
  for (const [, name = '', number = ''] of suffixes.matchAll(/_([a-z]+)(\d*)/g)) {
    const before = BEFORE.indexOf(name);
    add(before >= 0 ? RANK.before + before : RANK.after + AFTER.indexOf(name), number);
  }
  if (release !== '') add(RANK.release, release);
  return found;
}

function compareText(one: Token, other: Token): number {
  if (one.rank === RANK.letter) return one.text < other.text ? -1 : one.text > other.text ? 1 : 0;
  if (one.fraction || other.fraction) return one.text < other.text ? -1 : one.text > other.text ? 1 : 0;
  const [left, right] = [one.text.replace(/^0+/, ''), other.text.replace(/^0+/, '')];
  if (left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : left > right ? 1 : 0;
}
