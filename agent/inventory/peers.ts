import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SectionContent } from '@tidemark/shared/inventory/kinds.ts';
import { z } from 'zod';
import { readJsonFile } from '../platform/file-system.ts';

/*
 * Connections come and go, and a look sees those of one moment. So whom the server talked to is remembered for a week, and
 * told without the time: what is told changes when somebody new is talked to, or somebody has not been for a week.
 */

type Peers = SectionContent<'peers'>;

const DAY_MS = 86_400_000;
const KEPT_DAYS = 7;
const MAX_PEERS = 2_048;

const fileIn = (stateDir: string): string => join(stateDir, 'peers.json');

/** By its text, the day (since the epoch) on which it was last seen. */
export type Remembered = Readonly<Record<string, number>>;

/** Pure. Those that are seen now stay before those that are only remembered, where there are too many. */
export function remember(before: Remembered, seen: Peers, day: number): Remembered {
  const now = Object.fromEntries(seen.map(peer => [JSON.stringify(peer), day]));
  return Object.fromEntries(
    Object.entries({ ...before, ...now })
      .filter(([, last]) => last > day - KEPT_DAYS && last <= day)
      .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
      .slice(0, MAX_PEERS),
  );
}

export const peersIn = (remembered: Remembered): Peers =>
  Object.keys(remembered)
    .sort()
    .map(text => JSON.parse(text));

export function rememberPeers(stateDir: string, seen: Peers, now: number): Peers {
  const read = z.record(z.string(), z.int()).safeParse(readJsonFile(fileIn(stateDir)));
  const before = read.success ? read.data : {};
  const after = remember(before, seen, Math.floor(now / DAY_MS));
  const text = JSON.stringify(after);
  if (text !== JSON.stringify(before)) {
    const fresh = `${fileIn(stateDir)}.${process.pid}.new`;
    writeFileSync(fresh, text, { mode: 0o600 });
    renameSync(fresh, fileIn(stateDir));
  }
  return peersIn(after);
}
