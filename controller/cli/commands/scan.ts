import { Option } from 'commander';
import type { ScanRequest } from '../../api/contract/fingerprints.ts';
import type { AddCommand } from '../cli.ts';
import { Exit } from '../exit.ts';
import { durationOption, type PrintingOptions, prints, talks } from '../options.ts';
import { printListing } from '../output/format.ts';
import { allKnown, settle } from '../scans.ts';
import { withClient } from '../session.ts';

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
        .option('--no-wait', 'only ask, and do not wait')
        .option(
          '--profile <name>',
          'what to look at: linux-server is a whole server, "tidemark profile list" shows all; else the products of each host',
        ),
    ),
  ).action(async (hosts: string[], options: PrintingOptions & { wait: number | false; profile?: string }) => {
    const scans = await withClient(io, options, async client => {
      await allKnown(client, hosts);
      const asked: ScanRequest[] = [];
      for (const name of hosts)
        asked.push(await client.scanHost({ params: { name }, body: { profile: options.profile ?? null } }));
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
