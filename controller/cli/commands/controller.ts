import type { AddCommand } from '../cli.ts';

/** `controller`: this process becomes the controller. Loaded only here, so that all other commands start quickly. */
export const addController: AddCommand = program => {
  program
    .command('controller')
    .description('run the controller until it is told to end')
    .requiredOption('--state <directory>', 'where it keeps keys, archives and, without DATABASE_URL, its database')
    .option('--config <file>', 'settings (YAML)')
    .action(async (options: { state: string; config?: string }) => {
      const { beginLean } = await import('../../lean-process.ts');
      beginLean();
      const { runController } = await import('../../main.ts');
      await runController(options);
    });
};
