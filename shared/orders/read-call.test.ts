import { describe, expect, it } from 'vitest';
import { readCall } from './read-call.ts';
import { Call, stepKinds } from './step-kinds.ts';

const ARGUMENTS: readonly unknown[] = [
  {},
  { names: ['demo'] },
  { ms: 1, until: 'elapsed' },
  { host: 'a', port: 1 },
  1,
  null,
];

/** What came of it: the value, or what was wrong with it. */
async function outcomeOf(read: () => unknown): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    return (error as { issues?: unknown }).issues ?? error;
  }
}

describe('one call is read as the schema of all calls reads it', () => {
  it.each(stepKinds)('%s', async kind => {
    for (const args of ARGUMENTS) {
      const call = { kind, args };
      expect(await outcomeOf(() => readCall(call))).toEqual(await outcomeOf(() => Call.parse(call)));
    }
  });

  it.each([
    { kind: 'package/explode', args: {} },
    { kind: 'toString/x', args: {} },
    { kind: '', args: {} },
  ])('nobody knows $kind', async call => {
    await expect(readCall(call)).rejects.toThrow();
  });

  it.each([null, 1, {}, { kind: 1 }])('%j is no call', async value => {
    await expect(readCall(value)).rejects.toThrow();
  });
});
