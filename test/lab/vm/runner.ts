import { deepStrictEqual, fail, match, strictEqual } from 'node:assert/strict';

/*
 * Stands in for vitest on the emulated machine, where starting vitest itself would take longer than all tests: Node's own
 * runner, and of the assertions those that the suites there use. Anything else is missing when the file is bundled or run.
 */

export { after as afterAll, afterEach, before as beforeAll, beforeEach, describe, it } from 'node:test';

export function expect(actual: unknown) {
  return {
    toBe: (expected: unknown) => strictEqual(actual, expected),
    toEqual: (expected: unknown) => deepStrictEqual(actual, expected),
    toMatch: (expected: RegExp) => match(String(actual), expected),
    rejects: {
      async toThrow(expected: RegExp) {
        const error: unknown = await (actual as Promise<unknown>).then(
          () => fail('it was to be rejected, and was not'),
          (reason: unknown) => reason,
        );
        match((error as Error).message, expected);
      },
    },
  };
}
