import { expect, it } from 'vitest';
import { peersIn, remember } from './peers.ts';

const peer = (address: string) => ({
  protocol: 'tcp' as const,
  address,
  port: 5432,
  process: 'java',
  unit: 'shop.service',
});

it('whom a server talks to is told for a week after it did last, and in one order', () => {
  const monday = remember({}, [peer('10.0.0.9'), peer('10.0.0.8')], 100);
  expect(peersIn(monday).map(({ address }) => address)).toEqual(['10.0.0.8', '10.0.0.9']);
  const quiet = remember(monday, [peer('10.0.0.8')], 106);
  expect(peersIn(quiet)).toEqual(peersIn(monday));
  expect(peersIn(remember(quiet, [], 107)).map(({ address }) => address)).toEqual(['10.0.0.8']);
  // A clock that was ahead is not believed.
  expect(peersIn(remember(monday, [], 50))).toEqual([]);
});

it('of too many those that are there now are told', () => {
  const many = Array.from({ length: 3_000 }, (_, number) => peer(`h${number}`));
  const now = remember(remember({}, many, 100), [peer('now')], 101);
  expect(peersIn(now)).toHaveLength(2_048);
  expect(peersIn(now)).toContainEqual(peer('now'));
});
