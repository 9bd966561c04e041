import { createClient } from '../../client/client.ts';
import type { AddCommand } from '../cli.ts';
import { Exit, usageError } from '../exit.ts';
import { readText } from '../files.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printOne } from '../output/format.ts';
import { withClient } from '../session.ts';

type HealthOptions = PrintingOptions & { url?: string; caFile?: string };

/** `health`: for people, and for scripts that wait until a controller is up; needs no token. */
export const addHealth: AddCommand = (program, { io, finish }) => {
  prints(
    talks(
      program
        .command('health')
        .description('say whether the controller is up; with --url and --ca-file before anybody has logged in')
        .option('--url <url>', 'another controller than that of the context')
        .option('--ca-file <file>', "the fleet's CA certificate, with --url"),
    ),
  ).action(async (options: HealthOptions) => {
    if ((options.url === undefined) !== (options.caFile === undefined))
      throw usageError('--url and --ca-file go together: give both or none');
    const health =
      options.url !== undefined && options.caFile !== undefined
        ? await askAt(options.url, options.caFile, options.timeout)
        : await withClient(io, options, client => client.health());
    printOne(io, options.output, health, health.status, () => [`${health.status}, version ${health.version}`]);
    finish(health.status === 'ok' ? Exit.ok : Exit.error);
  });
};

async function askAt(url: string, caFile: string, timeoutMs: number | undefined) {
  const ca = await readText(caFile, 1024 * 1024);
  const client = createClient({ url, ca, token: null, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  return client.health().finally(() => client.close());
}
