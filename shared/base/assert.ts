/** An expectation of the program about itself was wrong. Never thrown for bad input: that is a {@link Result}. */
export class AssertionFailed extends Error {
  override name = 'AssertionFailed';
}

/** Throws {@link AssertionFailed} unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFailed(message);
}

/** Gives `value` back, or throws {@link AssertionFailed} where it is null or undefined. */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new AssertionFailed(`${what} is missing`);
  return value;
}

/** The compiler demands that a union is covered; at run time an unknown member is a failed assertion. */
export function unreachable(value: never): never {
  throw new AssertionFailed(`not covered: ${JSON.stringify(value)}`);
}
