/** More wrong letters than this and a word is another word, not a slip of the hand. */
const MAX_SLIPS = 3;
/** Longer words are no keys of ours; comparing them would only cost time. */
const MAX_WORD = 64;

/** The known word that `word` was most likely meant to be, or null. Ties go to the first in `known`. */
export function nearest(word: string, known: readonly string[]): string | null {
  if (word.length > MAX_WORD) return null;
  // Of a short word, half the letters must be right: "ab" is no misspelt "of".
  const allowed = Math.min(MAX_SLIPS, Math.floor(word.length / 2));
  let best: { candidate: string; slips: number } | null = null;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) > allowed) continue;
    const slips = distance(word.toLowerCase(), candidate.toLowerCase());
    if (slips <= allowed && (best === null || slips < best.slips)) best = { candidate, slips };
  }
  return best?.candidate ?? null;
}

/** ` (did you mean "when"?)`, or nothing where no known word is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const candidate = nearest(word, known);
  return candidate === null ? '' : ` (did you mean "${candidate}"?)`;
}

/** Optimal string alignment distance: letters added, left out, changed, or two neighbours swapped. */
function distance(a: string, b: string): number {
  let twoBack: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + changed);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (twoBack[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    twoBack = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}
