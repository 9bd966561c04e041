import type { AddCommand } from '../cli.ts';
import { chooseContext, contextsPath, loadContexts, saveContexts } from '../contexts.ts';
import { type OutputOptions, prints } from '../options.ts';
import { printListing } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';

/** `context list|use`. Tokens are never printed. */
export const addContext: AddCommand = (program, { io }) => {
  const context = program.command('context').description('controllers that are known here');
  prints(context.command('list').description('list them')).action(async (options: OutputOptions) => {
    const { current, contexts } = await loadContexts(contextsPath(io));
    printListing(io, options.output, {
      rows: Object.entries(contexts).map(([name, { url }]) => ({ name, url, current: name === current })),
      columns: [
        { title: 'NAME', value: row => row.name },
        { title: 'URL', value: row => row.url },
        { title: 'CURRENT', value: row => row.current },
      ],
      name: row => row.name,
      empty: 'No controller is known here: log in with "tidemark login".',
    });
  });
  context
    .command('use')
    .description('talk to another one from now on')
    .argument('<name>', 'name of the context')
    .action(async (name: string) => {
      const path = contextsPath(io);
      const contexts = await loadContexts(path);
      const chosen = chooseContext(contexts, name);
      await saveContexts(path, { ...contexts, current: chosen.name });
      io.err(`Now talking to ${plain(chosen.context.url)}.\n`);
    });
};
