/**
 * What people look at, by topic, each with a text that is another one as soon as it has changed: `incidents`, `hosts`, `audit`,
 * and `run:r12`. Whoever has seen one state and is given another knows what to read again, however long it was away.
 */
export type Versions = Readonly<Record<string, string>>;

/** A browser sends back what it was sent; longer than that is not from here. */
const LONGEST = 8_192;

/** As the id of an event. */
export const encodeVersions = (versions: Versions): string => new URLSearchParams({ ...versions }).toString();

/** Null for what is no such id. */
export function decodeVersions(id: string | undefined): Versions | null {
  if (id === undefined || id === '' || id.length > LONGEST) return null;
  return Object.fromEntries(new URLSearchParams(id));
}

/** Topics that are not as they were, also those that are new or gone; all of them where nothing is known of before. */
export function changedTopics(before: Versions | null, now: Versions): string[] {
  const topics = new Set([...Object.keys(before ?? {}), ...Object.keys(now)]);
  return [...topics].filter(topic => before === null || before[topic] !== now[topic]).sort();
}

/**
 * Asks for the versions as long as somebody listens, once for all of them.
 * `intervalMs`: what is asked is a few rows by their index, and half a second is what people take for "at once".
 */
export class ChangeFeed {
  private readonly read: () => Promise<Versions>;
  private readonly onTrouble: (error: unknown) => void;
  private readonly intervalMs: number;
  private readonly listeners = new Set<(versions: Versions) => void>();
  private timer: NodeJS.Timeout | null = null;

  constructor(read: () => Promise<Versions>, onTrouble: (error: unknown) => void, intervalMs = 500) {
    this.read = read;
    this.onTrouble = onTrouble;
    this.intervalMs = intervalMs;
  }

  get listening(): number {
    return this.listeners.size;
  }

  /** Gives what ends it. The first call comes soon, not at once. */
  listen(listener: (versions: Versions) => void): () => void {
    this.listeners.add(listener);
    this.timer ??= setTimeout(() => this.look(), 0);
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0 || this.timer === null) return;
      clearTimeout(this.timer);
      this.timer = null;
    };
  }

  private async look(): Promise<void> {
    // While the database does not answer nothing is said; people see by what they ask that it does not.
    const versions = await this.read().catch(error => {
      this.onTrouble(error);
      return null;
    });
    if (versions !== null) for (const listener of this.listeners) listener(versions);
    this.timer = this.listeners.size === 0 ? null : setTimeout(() => this.look(), this.intervalMs);
  }
}
