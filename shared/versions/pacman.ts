import { compareRpmParts } from './rpm.ts';

/**
 * The order of pacman's versions, `[epoch:]version[-release]` (vercmp(8)): parts are compared as rpm's first algorithm did,
 * without a meaning of `~` and `^`, and with letters that follow a number directly before the end: `1.0rc` is older than
 * `1.0`. A release that is not said is any release. Negative where `a` is older than `b`.
 */
export function comparePacmanVersions(a: string, b: string): number {
  if (a === b) return 0;
  const [left, right] = [split(a), split(b)];
  return (
    compareParts(left.epoch, right.epoch) ||
    compareParts(left.version, right.version) ||
    (left.release === null || right.release === null ? 0 : compareParts(left.release, right.release))
  );
}

function split(text: string): { epoch: string; version: string; release: string | null } {
  const epoch = /^(\d*):/.exec(text);
  const rest = epoch ? text.slice(epoch[0].length) : text;
  const dash = rest.lastIndexOf('-');
  return {
    epoch: epoch?.[1] || '0',
    version: dash < 0 ? rest : rest.slice(0, dash),
    release: dash < 0 ? null : rest.slice(dash + 1),
  };
}

/** pacman's rpmvercmp (libalpm, version.c), step by step. */
function compareParts(a: string, b: string): number {
  if (a === b) return 0;
  let [one, two] = [0, 0];
  for (;;) {
    const [from, to] = [one, two];
    while (one < a.length && !isAlphanumeric(a[one])) one += 1;
    while (two < b.length && !isAlphanumeric(b[two])) two += 1;
    if (one >= a.length || two >= b.length) break;
    // More that separates is newer.
    if (one - from !== two - to) return one - from < two - to ? -1 : 1;
    const run = /\d/.test(a[one] ?? '') ? /^\d+/ : /^[A-Za-z]+/;
    const [left, right] = [run.exec(a.slice(one))?.[0] ?? '', run.exec(b.slice(two))?.[0] ?? ''];
    // Of different kinds: numbers are newer than letters.
    if (right === '') return run.source.includes('d') ? 1 : -1;
    const order = compareRpmParts(left, right);
    if (order !== 0) return order < 0 ? -1 : 1;
    one += left.length;
    two += right.length;
  }
  const [restA, restB] = [a.slice(one), b.slice(two)];
  if (restA === '' && restB === '') return 0;
  // What is left over makes it newer, but letters make it older: 1.0a < 1.0 < 1.0.a.
  if ((restA === '' && !/^[A-Za-z]/.test(restB)) || /^[A-Za-z]/.test(restA)) return -1;
  return 1;
}

const isAlphanumeric = (character: string | undefined): boolean => /[A-Za-z0-9]/.test(character ?? '');
