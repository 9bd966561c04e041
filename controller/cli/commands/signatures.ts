import { basename } from 'node:path';
import { MAX_ARCHIVE_BYTES, type SignatureImported } from '../../api/contract/releases.ts';
import type { AddCommand } from '../cli.ts';
import { usageError } from '../exit.ts';
import { measure } from '../files.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printListing } from '../output/format.ts';
import { bytes } from '../output/time.ts';
import { withClient } from '../session.ts';

type ImportOptions = PrintingOptions & { product?: string; releaseVersion?: string };

/** `signatures import`: archives become known, file by file, and installable. */
export const addSignatures: AddCommand = (program, { io }) => {
  const signatures = program.command('signatures').description('known-good files of product versions');
  prints(
    talks(
      signatures
        .command('import')
        .description('learn the files of releases from their archives, and keep the archives for installing')
        .argument('<file...>', 'archives, named PRODUCT-VERSION.tar.gz or holding a release.json')
        .option('--product <name>', 'product, where neither says it; for one archive')
        .option('--release-version <version>', 'version, where neither says it; for one archive'),
    ),
  ).action(async (files: string[], options: ImportOptions) => {
    if (files.length > 1 && (options.product !== undefined || options.releaseVersion !== undefined))
      throw usageError('--product and --release-version are about one archive: import it alone');
    const done: SignatureImported[] = [];
    await withClient(io, options, async client => {
      for (const file of files) {
        const { digest, bytes: length } = await measure(file);
        if (length > MAX_ARCHIVE_BYTES)
          throw usageError(
            `${file} has ${bytes(length)}; the most that a controller takes is ${bytes(MAX_ARCHIVE_BYTES)}`,
          );
        io.err(`${basename(file)}: sending ${bytes(length)}\n`);
        done.push(
          await client.importSignature({
            query: { name: basename(file), digest, product: options.product, version: options.releaseVersion },
            file,
            bytes: length,
          }),
        );
      }
    });
    printListing(io, options.output, {
      rows: done,
      columns: [
        { title: 'PRODUCT', value: row => row.product },
        { title: 'VERSION', value: row => row.version },
        { title: 'FILES', value: row => row.files },
        { title: 'UNPACKED', value: row => bytes(row.unpackedBytes) },
        { title: 'NEW', value: row => !row.unchanged },
        { title: 'ARCHIVE', value: row => row.artifact, wide: true },
      ],
      name: row => `${row.product}@${row.version}`,
      empty: 'Nothing was imported.',
    });
  });
};
