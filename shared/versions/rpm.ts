/**
 * The order of rpm's versions, `[epoch:]version[-release]`: the epoch as a number, then version and release segment by
 * segment as rpmvercmp does (rpm.org, manual/spec-format "Version" and rpmio/rpmvercmp.c): runs of digits as numbers and
 * above runs of letters, `~` before everything and even before the end, `^` after the end and before everything else.
 * A release that is not said is any release. Negative where `a` is older than `b`.
 */
export function compareRpmVersions(a: string, b: string): number {
  const [left, right] = [split(a), split(b)];
  return (
    compareNumbers(left.epoch, right.epoch) ||
    compareRpmParts(left.version, right.version) ||
    (left.release === null || right.release === null ? 0 : compareRpmParts(left.release, right.release))
  );
}

function split(text: string): { epoch: string; version: string; release: string | null } {
  const epoch = /^(\d*):/.exec(text)?.[1] ?? '0';
  const rest = text.replace(/^\d*:/, '');
  const dash = rest.lastIndexOf('-');
  return { epoch, version: dash < 0 ? rest : rest.slice(0, dash), release: dash < 0 ? null : rest.slice(dash + 1) };
}

/** rpmvercmp: one version or one release against another. */
export function compareRpmParts(a: string, b: string): number {
  if (a === b) return 0;
  let [left, right] = [skip(a), skip(b)];
  while (left !== '' || right !== '') {
    const tilde = precedence(left.startsWith('~'), right.startsWith('~'), -1);
    if (tilde === 'both') {
      [left, right] = [skip(left.slice(1)), skip(right.slice(1))];
      continue;
    }
    if (tilde !== 0) return tilde;
    if (left.startsWith('^') || right.startsWith('^')) {
      // Against the end it is newer, against anything else older.
      if (left === '') return -1;
      if (right === '') return 1;
      const caret = precedence(left.startsWith('^'), right.startsWith('^'), -1);
      if (caret !== 'both') return caret;
      [left, right] = [skip(left.slice(1)), skip(right.slice(1))];
      continue;
    }
    if (left === '' || right === '') break;
    const digits = /^\d/.test(left);
    const run = digits ? /^\d+/ : /^[A-Za-z]+/;
    const [one, other] = [run.exec(left)?.[0] ?? '', run.exec(right)?.[0] ?? ''];
    // Of different kinds: numbers are newer than letters.
    if (other === '') return digits ? 1 : -1;
    const order = digits ? compareNumbers(one, other) : one < other ? -1 : one > other ? 1 : 0;
    if (order !== 0) return order;
    [left, right] = [skip(left.slice(one.length)), skip(right.slice(other.length))];
  }
  return left === right ? 0 : left === '' ? -1 : 1;
}

/** What stands between segments only separates them. */
const skip = (text: string): string => text.replace(/^[^A-Za-z0-9~^]+/, '');

function precedence(left: boolean, right: boolean, whenLeft: -1 | 1): number | 'both' {
  if (left && right) return 'both';
  return left ? whenLeft : right ? -whenLeft : 0;
}

/** Runs of digits of any length. */
function compareNumbers(a: string, b: string): number {
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  if (left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : left > right ? 1 : 0;
}
