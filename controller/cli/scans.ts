import type { ScanRequest } from '../api/contract/fingerprints.ts';
import type { Client } from '../client/client.ts';
import { CliError, Exit } from './exit.ts';
import type { Io } from './io.ts';
import { plain } from './output/sanitise.ts';

/* Scans that a command asks for and waits for. */

const LOOK_MS = 500;

/** One name that is wrong, and nothing is asked of any host. */
export async function allKnown(client: Client, names: readonly string[]): Promise<void> {
  const { hosts } = await client.listHosts();
  const known = new Set(hosts.filter(({ state }) => state !== 'not-enrolled').map(({ name }) => name));
  const unknown = names.filter(name => !known.has(name));
  if (unknown.length > 0)
    throw new CliError(
      Exit.error,
      `no host ${unknown.map(plain).join(', ')} is enrolled: "tidemark get hosts" lists those that are; nothing was scanned`,
    );
}

/** Waits until all scans have ended. */
export async function settle(
  io: Io,
  client: Client,
  asked: readonly ScanRequest[],
  waitMs: number,
): Promise<ScanRequest[]> {
  const until = io.clock.monotonic() + waitMs;
  let scans = [...asked];
  for (;;) {
    scans = await Promise.all(
      scans.map(scan => (scan.state === 'asked' ? client.getScan({ params: { id: scan.id } }) : scan)),
    );
    const open = scans.filter(scan => scan.state === 'asked').map(scan => scan.host);
    if (open.length === 0) return scans;
    if (io.clock.monotonic() >= until) {
      throw new CliError(
        Exit.timedOut,
        `no fingerprint of ${open.join(', ')} came in time: is the agent connected? "tidemark get hosts" says so`,
      );
    }
    await io.sleep(LOOK_MS);
  }
}
