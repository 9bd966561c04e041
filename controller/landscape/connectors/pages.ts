import { SourceProblem } from './connector.ts';

/** A million records is another kind of list than an estate. */
const MAX_RECORDS = 500_000;

export interface Page {
  items: readonly unknown[];
  /** How many the other side says there are; null where it does not say. */
  total: number | null;
}

/**
 * Every item of a list that comes in pages by offset, each once. A list that repeats itself, never ends, or has another
 * length than it says is refused: what is missing would look as if it had been taken away.
 */
export async function allPages(options: {
  what: string;
  pageSize: number;
  /** Whether the other side counts what it leaves out of a page: the next one begins a whole page further on then. */
  pagesAreFixed: boolean;
  page: (offset: number, limit: number) => Promise<Page>;
  idOf: (item: unknown) => string | null;
}): Promise<unknown[]> {
  const { what, pageSize, pagesAreFixed } = options;
  const refuse = (message: string): never => {
    throw new SourceProblem('source-answer', `${what}: ${message}`);
  };
  const items: unknown[] = [];
  const seen = new Set<string>();
  for (let offset = 0; ; ) {
    const { items: more, total } = await options.page(offset, pageSize);
    for (const item of more) {
      const id = options.idOf(item);
      if (id === null) return refuse('an entry has no id, so that nobody can tell whether the list is whole');
      if (seen.has(id))
        refuse(`entry ${id} came twice: the list repeats a page, or changed while it was read. Import again`);
      seen.add(id);
      items.push(item);
    }
    if (items.length > Math.min(total ?? MAX_RECORDS, MAX_RECORDS))
      refuse(`the list goes on behind its end (${total ?? MAX_RECORDS} entries)`);
    offset += pagesAreFixed ? pageSize : more.length;
    const isOver = total === null ? more.length < pageSize : offset >= total || more.length === 0;
    if (!isOver) continue;
    if (total !== null && items.length < total)
      refuse(
        `${items.length} of ${total} entries came: it changed while it was read, or this user may not read them all`,
      );
    return items;
  }
}
