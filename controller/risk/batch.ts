import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { Advisory } from './advisory.ts';
import { isCsaf, readCsaf } from './read-csaf.ts';
import { isEpss, isKev, type KnownUse, type Probability, readEpss, readKev } from './read-exploitation.ts';
import { isOsv, readOsv } from './read-osv.ts';

/** What files of advisories say, together: all of it is taken, or nothing. */
export interface Batch {
  /** By id; of one that is there twice the newer. */
  advisories: Map<string, Advisory>;
  /** The whole list, where it was among the files: who is not on it is known not to be. */
  knownUses: KnownUse[] | null;
  probabilities: Probability[] | null;
  files: number;
  /** Ecosystems that are not known here, with how many packages were left out because of each. */
  leftOut: Map<string, number>;
}

/** More are told by their number. */
const MOST_PROBLEMS = 20;

export class BatchReader {
  readonly #batch: Batch = {
    advisories: new Map(),
    knownUses: null,
    probabilities: null,
    files: 0,
    leftOut: new Map(),
  };
  readonly #problems: string[] = [];

  /** One file by its name, whatever it is of: OSV, CSAF, the list of what is used, or probabilities. */
  take(name: string, text: string): void {
    this.#batch.files += 1;
    const taken = isEpss(text) ? this.#takeEpss(text) : this.#takeJson(text);
    if (!taken.ok) this.#problems.push(`${name}: ${taken.error}`);
  }

  /** Everything, or what is wrong with it. */
  end(): Result<Batch, string[]> {
    if (this.#problems.length > MOST_PROBLEMS) {
      const more = this.#problems.length - MOST_PROBLEMS;
      return err([...this.#problems.slice(0, MOST_PROBLEMS), `and ${more} more files`]);
    }
    if (this.#problems.length > 0) return err(this.#problems);
    if (this.#batch.files === 0) return err(['there is no .json or .csv file in it']);
    return ok(this.#batch);
  }

  #takeEpss(text: string): Result<null, string> {
    const read = readEpss(text);
    if (!read.ok) return read;
    this.#batch.probabilities = read.value;
    return ok(null);
  }

  #takeJson(text: string): Result<null, string> {
    let value: unknown;
    try {
      value = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
    } catch (error) {
      return err(`is no JSON (${(error as Error).message.slice(0, 120)}), and no list of probabilities (EPSS) either`);
    }
    // Some mirrors give many advisories in one file.
    if (Array.isArray(value)) {
      for (const [index, each] of value.entries()) {
        const taken = this.#takeOne(each);
        if (!taken.ok) return err(`[${index}]: ${taken.error}`);
      }
      return ok(null);
    }
    return this.#takeOne(value);
  }

  #takeOne(value: unknown): Result<null, string> {
    if (typeof value !== 'object' || value === null) return err(UNKNOWN_FORM);
    if (isKev(value)) {
      const read = readKev(value);
      if (read.ok) this.#batch.knownUses = read.value;
      return read.ok ? ok(null) : read;
    }
    const read = isCsaf(value) ? readCsaf(value) : isOsv(value) ? readOsv(value) : err(UNKNOWN_FORM);
    if (!read.ok) return read;
    const { advisory, leftOut } = read.value;
    const known = this.#batch.advisories.get(advisory.id);
    if (!known || known.modified <= advisory.modified) this.#batch.advisories.set(advisory.id, advisory);
    for (const ecosystem of leftOut) this.#batch.leftOut.set(ecosystem, (this.#batch.leftOut.get(ecosystem) ?? 0) + 1);
    return ok(null);
  }
}

const UNKNOWN_FORM = 'is neither OSV nor CSAF nor the list of known exploited vulnerabilities (KEV)';
