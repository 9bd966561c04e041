import { MAX_LANDSCAPE_BYTES } from '../../api/contract/landscape.ts';
import type { AddCommand } from '../cli.ts';
import { readText, shownName } from '../files.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printOne } from '../output/format.ts';
import { fields, table } from '../output/table.ts';
import { moment } from '../output/time.ts';
import { withClient } from '../session.ts';

const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

/** `landscape import|show`. */
export const addLandscape: AddCommand = (program, { io }) => {
  const landscape = program.command('landscape').description('what is where');
  prints(
    talks(
      landscape
        .command('import')
        .description('replace the landscape by the content of a file, as a whole or not at all')
        .argument('<file>', 'YAML or JSON'),
    ),
  ).action(async (file: string, options: PrintingOptions) => {
    const text = await readText(file, MAX_LANDSCAPE_BYTES);
    const done = await withClient(io, options, client =>
      client.importLandscape({ body: { text, fileName: shownName(file) } }),
    );
    printOne(io, options.output, done, String(done.version), () => [
      `${done.unchanged ? 'Unchanged: still version' : 'Imported as version'} ${done.version}: ${counted(done.hosts, 'host')}, ${counted(done.components, 'component')}, ${counted(done.clusters, 'cluster')}`,
    ]);
  });
  prints(talks(landscape.command('show').description('show the landscape as it is now'))).action(
    async (options: PrintingOptions) => {
      const now = await withClient(io, options, client => client.getLandscape());
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
    },
  );
};
