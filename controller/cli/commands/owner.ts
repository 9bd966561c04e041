import type { AddCommand } from '../cli.ts';
import { usageError } from '../exit.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printListing } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { withClient } from '../session.ts';
import { ownersListing } from '../views/identification.ts';

const CONTENT = /^(?:sha256:)?([0-9a-f]{64})$/;

/** `owner`: which product versions have a file. */
export const addOwner: AddCommand = (program, { io }) => {
  prints(
    talks(
      program
        .command('owner')
        .description('say which product versions have a file at a path, or a content, wherever it lies')
        .argument('<path|sha256>', 'an absolute path, or the SHA-256 of a content'),
    ),
  ).action(async (of: string, options: PrintingOptions) => {
    const sha256 = CONTENT.exec(of)?.[1];
    if (sha256 === undefined && !of.startsWith('/'))
      throw usageError(`${plain(of)} is neither an absolute path nor a SHA-256 (64 hex digits)`);
    const query = sha256 === undefined ? { path: of } : { sha256 };
    const { owners } = await withClient(io, options, client => client.listOwners({ query }));
    printListing(io, options.output, ownersListing(owners, of));
  });
};
