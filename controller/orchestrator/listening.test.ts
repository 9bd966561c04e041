import { expect, it } from 'vitest';
import { Listening } from './listening.ts';

const START = 1_800_000_000_000;

function made() {
  let now = START;
  const clock = { now: () => now, monotonic: () => now };
  const listening = new Listening(clock);
  return {
    listening,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

const nothing = async () => {};
const fails = () => Promise.reject(new Error('the database does not answer'));

it('listens from its start on, for as long as it decides again and again', async () => {
  const { listening, pass } = made();
  for (let turn = 0; turn < 10; turn++) {
    await listening.while(nothing);
    pass(20_000);
  }
  expect(listening.since).toBe(START);
});

it('begins anew after it was stopped for a while', async () => {
  const { listening, pass } = made();
  await listening.while(nothing);
  pass(120_000);
  await listening.while(nothing);
  expect(listening.since).toBe(START + 120_000);
});

it('does not count as listening while nothing can be stored', async () => {
  const { listening, pass } = made();
  await listening.while(nothing);
  for (let turn = 0; turn < 6; turn++) {
    pass(10_000);
    await expect(listening.while(fails)).rejects.toThrow('the database');
  }
  pass(10_000);
  await listening.while(nothing);
  expect(listening.since).toBe(START + 70_000);
});
