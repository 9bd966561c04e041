import type { Result } from '@tidemark/shared/base/result.ts';
import type { ConditionError } from '@tidemark/shared/conditions/cel.ts';
import type { z } from 'zod';
import { type DocumentPath, type ReadDocument, readPart } from '../documents/read.ts';
import { type Condition, type Count, parseCondition, parseCount, type Subject } from './cel.ts';
import { errorAt, type Place, type PlanError } from './errors.ts';
import type { PolicyFile } from './policy-schema.ts';

/** Collects what is wrong in a policy, so that all of it is told at once. */
export class PolicyReader {
  readonly errors: PlanError[] = [];
  readonly file: PolicyFile;
  readonly #read: ReadDocument<PolicyFile>;

  constructor(read: ReadDocument<PolicyFile>) {
    this.#read = read;
    this.file = read.value;
  }

  place(path: DocumentPath): Place {
    return { file: this.#read.file, ...this.#read.positionOf(path) };
  }

  complain(path: DocumentPath, message: string): void {
    this.errors.push(errorAt(this.place(path), message));
  }

  /** Null where it is no condition: the error is noted, at the character where it is. */
  condition(path: DocumentPath, text: string, subject: Subject): Condition | null {
    return this.#expression(path, parseCondition(text, subject));
  }

  /** The same of a condition that may be missing: null then too. */
  optionalCondition(path: DocumentPath, text: string | undefined, subject: Subject): Condition | null {
    return text === undefined ? null : this.condition(path, text, subject);
  }

  /** Null where it gives no number: the error is noted. */
  count(path: DocumentPath, text: string, subject: Subject): Count | null {
    return this.#expression(path, parseCount(text, subject));
  }

  #expression<T>(path: DocumentPath, parsed: Result<T, ConditionError>): T | null {
    if (parsed.ok) return parsed.value;
    const place = { file: this.#read.file, ...this.#read.positionIn(path, parsed.error.offset) };
    this.errors.push(errorAt(place, parsed.error.message));
    return null;
  }

  /** About the key itself and not its value. */
  complainOfKey(path: DocumentPath, message: string): void {
    this.errors.push(errorAt({ file: this.#read.file, ...this.#read.positionOfKey(path) }, message));
  }

  /** Null where `value` does not fit: the errors are noted. */
  part<S extends z.ZodType>(path: DocumentPath, schema: S, value: unknown): z.output<S> | null {
    const parsed = readPart(this.#read, path, schema, value);
    if (parsed.ok) return parsed.value;
    this.errors.push(...parsed.error);
    return null;
  }
}
