import type { Answer, Outcome } from './frame.ts';

/* Between threads a Buffer arrives as a plain Uint8Array, and all of the memory that it is a view of travels with it. */

/** An answer with bytes of its own, to be sent. */
export const answerTo = (answer: Answer): Answer => ({ ...answer, outcome: mapped(answer.outcome, alone) as Outcome });

/** An answer that another thread has sent. */
export const answerFrom = (answer: Answer): Answer => ({
  ...answer,
  outcome: mapped(answer.outcome, asBuffer) as Outcome,
});

function mapped(value: unknown, change: (bytes: Uint8Array) => unknown): unknown {
  if (value instanceof Uint8Array) return change(value);
  if (Array.isArray(value)) return value.map(each => mapped(each, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, mapped(own, change)]));
}

const alone = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes);

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
