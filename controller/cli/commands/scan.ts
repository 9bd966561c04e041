import { Option } from 'commander';
import type { ScanRequest } from '../../api/contract/fingerprints.ts';
import type { Client } from '../../client/client.ts';
import type { AddCommand } from '../cli.ts';
import { CliError, Exit } from '../exit.ts';
import type { Io } from '../io.ts';
import { durationOption, type PrintingOptions, prints, talks } from '../options.ts';
import { printListing } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { withClient } from '../session.ts';

const LOOK_MS = 500;

/** `scan`: fresh fingerprints. */
export const addScan: AddCommand = (program, { io, finish }) => {
  prints(
    talks(
      program
        .command('scan')
        .description('take fresh fingerprints of hosts')
        .argument('<host...>', 'names of hosts')
        .addOption(
          new Option('--wait <duration>', 'how long to wait for them')
            .argParser(durationOption)
            .default(600_000, '10m'),
        )
        .option('--no-wait', 'only ask, and do not wait'),
    ),
  ).action(async (hosts: string[], options: PrintingOptions & { wait: number | false }) => {
    const scans = await withClient(io, options, async client => {
      await allKnown(client, hosts);
      const asked: ScanRequest[] = [];
      for (const name of hosts) asked.push(await client.scanHost({ params: { name } }));
      return options.wait === false ? asked : settle(io, client, asked, options.wait);
    });
    printListing(io, options.output, {
      rows: scans,
      columns: [
        { title: 'HOST', value: row => row.host },
        { title: 'STATE', value: row => row.state },
        { title: 'FINGERPRINT', value: row => row.fingerprint },
        { title: 'MESSAGE', value: row => row.message },
        { title: 'ID', value: row => row.id, wide: true },
      ],
      name: row => row.fingerprint ?? row.id,
      empty: 'No scan was asked for.',
    });
    if (scans.some(scan => scan.state === 'failed')) finish(Exit.error);
  });
};

/** One name that is wrong, and nothing is asked of any host. */
async function allKnown(client: Client, names: readonly string[]): Promise<void> {
  const { hosts } = await client.listHosts();
  const known = new Set(hosts.filter(({ state }) => state !== 'not-enrolled').map(({ name }) => name));
  const unknown = names.filter(name => !known.has(name));
  if (unknown.length > 0)
    throw new CliError(
      Exit.error,
      `no host ${unknown.map(plain).join(', ')} is enrolled: "tidemark get hosts" lists those that are; nothing was scanned`,
    );
}

async function settle(io: Io, client: Client, asked: readonly ScanRequest[], waitMs: number): Promise<ScanRequest[]> {
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
