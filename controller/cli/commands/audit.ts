import type { AddCommand } from '../cli.ts';
import { Exit } from '../exit.ts';
import { countOption, type PrintingOptions, prints, talks } from '../options.ts';
import { printListing, printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { withClient } from '../session.ts';
import { auditListing } from '../views/listings.ts';

/** `audit list|verify`: who did what, and whether the log is as it was written. */
export const addAudit: AddCommand = (program, { io, finish }) => {
  const audit = program.command('audit').description('who did what');
  prints(
    talks(
      audit
        .command('list')
        .description('print entries, oldest first')
        .option('--after <id>', 'begin after the entry with this number', countOption, 0)
        .option('--limit <count>', 'at most so many, up to 1000', countOption, 200),
    ),
  ).action(async (options: PrintingOptions & { after: number; limit: number }) => {
    const { entries } = await withClient(io, options, client =>
      client.listAudit({ query: { after: options.after, limit: options.limit } }),
    );
    printListing(io, options.output, auditListing(entries));
  });
  prints(talks(audit.command('verify').description('recompute the chain of the log from its first entry'))).action(
    async (options: PrintingOptions) => {
      const result = await withClient(io, options, client => client.verifyAudit());
      printOne(io, options.output, result, result.intact ? 'intact' : 'broken', () => [
        result.intact
          ? `Intact: ${result.entries} entries, the last has hash ${result.head ?? 'none'}`
          : `BROKEN at entry ${result.problem?.id ?? '?'}: ${plain(result.problem?.message ?? 'the chain does not hold')}`,
      ]);
      finish(result.intact ? Exit.ok : Exit.error);
    },
  );
};
