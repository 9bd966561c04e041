import { ImportRefused, tooLong } from './errors.ts';
import type { RepositoryFile, RepositorySource } from './ports.ts';

/**
 * A repository whose files somebody brings who has it before him: what is read is wanted until it is given. `changed` is
 * called when something is wanted that was not before.
 */
export class GivenFiles implements RepositorySource {
  readonly #waiting = new Map<
    string,
    { take: (file: RepositoryFile | null) => Promise<void>; fail: (error: unknown) => void }
  >();
  readonly #changed: () => void;
  #ended: unknown = null;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Paths below the repository, in the order in which they are needed. */
  get wanted(): string[] {
    return [...this.#waiting.keys()];
  }

  read<T>(path: string, mostBytes: number, use: (file: RepositoryFile) => Promise<T>): Promise<T | null> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) return reject(this.#ended);
      if (this.#waiting.has(path))
        return reject(new ImportRefused('bad-index', `the index names ${path} for two different packages`));
      const take = async (file: RepositoryFile | null) => {
        this.#waiting.delete(path);
        if (file && file.bytes > mostBytes) reject(tooLong(path, mostBytes));
        else if (file) await use(file).then(resolve, reject);
        else resolve(null);
      };
      this.#waiting.set(path, { take, fail: reject });
      this.#changed();
    });
  }

  /** Null: the repository has none such. False where nobody asked for it. Ends when the file is needed no more. */
  async give(path: string, file: RepositoryFile | null): Promise<boolean> {
    const waiting = this.#waiting.get(path);
    await waiting?.take(file);
    return waiting !== undefined;
  }

  /** Whoever waits for a file, and whoever will, gets the error. */
  end(error: unknown): void {
    this.#ended = error;
    for (const { fail } of this.#waiting.values()) fail(error);
    this.#waiting.clear();
  }
}
