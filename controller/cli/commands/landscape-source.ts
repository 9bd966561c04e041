import type { Command } from 'commander';
import { readText, shownName } from '../files.ts';
import type { Io } from '../io.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printListing, printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { moment } from '../output/time.ts';
import { withClient } from '../session.ts';
import { sourcesListing } from '../views/landscape.ts';

/** `landscape source set|list|remove`. */
export function addLandscapeSources(landscape: Command, io: Io): void {
  const source = landscape.command('source').description('where the landscape is read from');

  prints(
    talks(
      source
        .command('set')
        .description('add a source, or replace the one of its name')
        .argument('<file>', 'kind LandscapeSource; secrets are named in it, never written'),
    ),
  ).action(async (file: string, options: PrintingOptions) => {
    const text = await readText(file);
    const done = await withClient(io, options, client =>
      client.setLandscapeSource({ body: { text, fileName: shownName(file) } }),
    );
    const next = done.nextDueAt === null ? 'on demand and before each plan' : `from ${moment(done.nextDueAt)} on`;
    printOne(io, options.output, done, done.name, () => [
      `Source ${plain(done.name)} is read ${next}. See first what it gives: tidemark landscape preview --source ${plain(done.name)}`,
    ]);
  });

  prints(talks(source.command('list').description('list the sources, and how reading them goes'))).action(
    async (options: PrintingOptions) => {
      const { sources } = await withClient(io, options, client => client.listLandscapeSources());
      printListing(io, options.output, sourcesListing(sources));
    },
  );

  prints(talks(source.command('remove').description('remove a source and what it gave').argument('<name>'))).action(
    async (name: string, options: PrintingOptions) => {
      const removed = await withClient(io, options, client => client.removeLandscapeSource({ params: { name } }));
      printOne(io, options.output, removed, removed.name, () => [`Removed ${plain(removed.name)}, and what it gave.`]);
    },
  );
}
