import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { AdvisoriesImported } from '../../api/contract/risk.ts';
import type { Client } from '../../client/client.ts';
import type { AddCommand } from '../cli.ts';
import { measure } from '../files.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printOne } from '../output/format.ts';
import { packDirectory } from '../pack-directory.ts';
import { withClient } from '../session.ts';
import { advisoryLines, importedLines } from '../views/risk.ts';

/** `advisories`: what vendors say of weak versions. */
export const addAdvisories: AddCommand = (program, { io }) => {
  const advisories = program
    .command('advisories')
    .description('what vendors say of weak versions, and what is known to be used');

  prints(
    talks(
      advisories
        .command('import')
        .description(
          'take advisories (OSV, CSAF), the list of what is used (KEV) or probabilities (EPSS); of each file all or nothing',
        )
        .argument('<file...>', '.json, .csv, .gz, .zip, .tar, a directory, or the address of a file of a mirror'),
    ),
  ).action(async (files: string[], options: PrintingOptions) => {
    await withClient(io, options, async client => {
      for (const file of files) {
        const done = await importOne(client, file);
        printOne(io, options.output, done, file, () => importedLines(file, done));
      }
    });
  });

  prints(
    talks(
      advisories
        .command('get')
        .description('show the advisories of a name')
        .argument('<name>', 'like CVE-2026-12345 or DSA-5678-1'),
    ),
  ).action(async (name: string, options: PrintingOptions) => {
    const { advisories: found } = await withClient(io, options, client => client.getAdvisories({ params: { name } }));
    printOne(io, options.output, found, name, () =>
      found.flatMap((each, index) => [...(index > 0 ? [''] : []), ...advisoryLines(each)]),
    );
  });
};

async function importOne(client: Client, file: string): Promise<AdvisoriesImported> {
  if (/^https?:\/\//.test(file)) return client.importAdvisoriesFrom({ body: { url: file } });
  const name = basename(resolve(file));
  if ((await stat(file)).isDirectory()) {
    const { digest, bytes, content } = await packDirectory(file);
    return client.importAdvisories({ query: { name: `${name}.tar`, digest }, content: content(), bytes });
  }
  const { digest, bytes } = await measure(file);
  return client.importAdvisories({ query: { name, digest }, file, bytes });
}
