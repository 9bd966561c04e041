import type { Command } from 'commander';
import { MAX_LANDSCAPE_BYTES } from '../../api/contract/landscape.ts';
import type { Client } from '../../client/client.ts';
import type { AddCommand } from '../cli.ts';
import { usageError } from '../exit.ts';
import { readText, shownName } from '../files.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printListing, printOne } from '../output/format.ts';
import { fields, table } from '../output/table.ts';
import { moment } from '../output/time.ts';
import { withClient } from '../session.ts';
import { changeLines, conflictsListing, importedLines, importsListing } from '../views/landscape.ts';
import { addLandscapeSources } from './landscape-source.ts';
import { addLandscapeUse } from './landscape-use.ts';

interface ImportOptions extends PrintingOptions {
  source?: string;
  mapping?: string;
  as?: string;
  leaveOut?: boolean;
  allowDrop?: boolean;
}

/** `landscape`: what is where, and where that is read from. */
export const addLandscape: AddCommand = (program, { io }) => {
  const landscape = program.command('landscape').description('what is where');

  const importing = (command: Command, preview: boolean) =>
    prints(
      talks(
        command
          .argument(
            '[file]',
            'YAML or JSON; CSV or a list of JSON with --mapping; a static inventory of Ansible (.ini)',
          )
          .option('--source <name>', 'instead of a file: a source that the controller reads itself')
          .option('--mapping <file>', 'which column is which field')
          .option('--as <name>', 'keep it under this name beside other sources; "file" where it is not said')
          .option('--leave-out', 'take what is not in conflict, instead of nothing')
          .option('--allow-drop', 'although much of what was there is gone'),
      ),
    ).action(async (file: string | undefined, options: ImportOptions) => {
      const done = await withClient(io, options, client => importWith(client, file, options, preview));
      printOne(io, options.output, done, String(done.version), () => importedLines(done));
    });
  importing(
    landscape
      .command('import')
      .description('replace what a file or source said by what it says now, as a whole or not at all'),
    false,
  );
  importing(landscape.command('preview').description('show what an import would change, and change nothing'), true);

  prints(
    talks(
      landscape
        .command('show')
        .description('show the landscape as it is now')
        .option('--version-number <number>', 'as it was in this version'),
    ),
  ).action(async (options: PrintingOptions & { versionNumber?: string }) => {
    const now = await withClient(io, options, client =>
      client.getLandscape({ query: { version: options.versionNumber } }),
    );
    printOne(io, options.output, now, String(now.version), () => [
      ...fields([
        ['version', now.version],
        ['digest', now.digest],
        ['imported', `${moment(now.importedAt)} by ${now.importedBy}`],
      ]),
      '',
      ...table(
        [
          { title: 'HOST', value: host => host.name },
          { title: 'APPLICATION', value: host => host.application },
          { title: 'ENVIRONMENT', value: host => host.environment },
          { title: 'CLUSTER', value: host => now.clusters.find(one => one.members.includes(host.name))?.name },
          {
            title: 'COMPONENTS',
            value: host =>
              now.components
                .filter(component => component.host === host.name)
                .map(component => component.name)
                .join(', '),
          },
        ],
        now.hosts,
      ),
    ]);
  });

  prints(talks(landscape.command('versions').description('list the versions that the landscape had'))).action(
    async (options: PrintingOptions) => {
      const { versions } = await withClient(io, options, client => client.listLandscapeVersions());
      printListing(io, options.output, {
        rows: versions,
        columns: [
          { title: 'VERSION', value: row => row.version },
          { title: 'IMPORTED', value: row => moment(row.importedAt) },
          { title: 'BY', value: row => row.importedBy },
          { title: 'HOSTS', value: row => row.hosts },
          { title: 'COMPONENTS', value: row => row.components },
          { title: 'CLUSTERS', value: row => row.clusters },
          { title: 'DIGEST', value: row => row.digest, wide: true },
        ],
        name: row => String(row.version),
        empty: 'There is no landscape yet.',
      });
    },
  );

  prints(
    talks(
      landscape
        .command('diff')
        .description('show what is another between two versions; without them, between the last two')
        .argument('[from]', 'a version')
        .argument('[to]', 'another one; the newest where it is not said'),
    ),
  ).action(async (from: string | undefined, to: string | undefined, options: PrintingOptions) => {
    const done = await withClient(io, options, async client => {
      const newest = to ?? String((await client.getLandscape({ query: {} })).version);
      const oldest = from ?? String(Math.max(1, Number(newest) - 1));
      return client.diffLandscape({ query: { from: oldest, to: newest } });
    });
    printOne(io, options.output, done, '', () =>
      done.changes.length === 0 ? ['The two are the same.'] : changeLines(done.changes),
    );
  });

  prints(
    talks(
      landscape
        .command('conflicts')
        .description(
          'list what sources say that cannot all be so, agents without a record, and records without an agent',
        ),
    ),
  ).action(async (options: PrintingOptions) => {
    const { conflicts } = await withClient(io, options, client => client.listLandscapeConflicts());
    printListing(io, options.output, conflictsListing(conflicts));
  });

  prints(
    talks(
      landscape
        .command('imports')
        .description('list what came of reading sources and files')
        .option('--source <name>', 'only of this one'),
    ),
  ).action(async (options: PrintingOptions & { source?: string }) => {
    const { imports } = await withClient(io, options, client =>
      client.listLandscapeImports({ query: { source: options.source } }),
    );
    printListing(io, options.output, importsListing(imports));
  });

  addLandscapeSources(landscape, io);
  addLandscapeUse(landscape, io);
};

async function importWith(client: Client, file: string | undefined, options: ImportOptions, preview: boolean) {
  const { source, mapping, as = null, leaveOut = false, allowDrop = false } = options;
  if ((file === undefined) === (source === undefined)) throw usageError('give a file, or --source');
  const how = { preview, leaveOut, allowDrop };
  if (file === undefined) return client.importLandscapeSource({ params: { name: source ?? '' }, body: how });
  const text = await readText(file, MAX_LANDSCAPE_BYTES);
  const map = mapping === undefined ? null : { text: await readText(mapping), fileName: shownName(mapping) };
  return client.importLandscape({ body: { text, fileName: shownName(file), mapping: map, as, ...how } });
}
