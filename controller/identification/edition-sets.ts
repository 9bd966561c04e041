/** The empty set. */
export const NO_SET = -1;

/** Sets of editions: each is another with one edition more. */
export class EditionSets {
  readonly #parents: number[] = [];
  readonly #editions: number[] = [];
  readonly #texts = new Map<number, string>();

  with(set: number, edition: number): number {
    this.#parents.push(set);
    this.#editions.push(edition);
    return this.#parents.length - 1;
  }

  text(set: number, idOf: (edition: number) => number): string {
    const known = this.#texts.get(set);
    if (known !== undefined) return known;
    const ids: number[] = [];
    for (let at = set; at !== NO_SET; at = this.#parents[at] ?? NO_SET) ids.push(idOf(this.#editions[at] ?? 0));
    const text = rangesOf(ids.sort((x, y) => x - y));
    this.#texts.set(set, text);
    return text;
  }
}

function rangesOf(ids: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < ids.length; ) {
    let end = at;
    while ((ids[end + 1] ?? Number.NaN) === (ids[end] ?? 0) + 1) end++;
    parts.push(end === at ? `${ids[at]}` : `${ids[at]}-${ids[end]}`);
    at = end + 1;
  }
  return parts.join(',');
}

/** What {@link EditionSets.text} wrote. */
export function idsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(',').flatMap(part => {
    const [from = 0, to = from] = part.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, at) => from + at);
  });
}
