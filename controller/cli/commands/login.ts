import { createClient } from '../../client/client.ts';
import type { AddCommand } from '../cli.ts';
import { contextsPath, loadContexts, saveContexts } from '../contexts.ts';
import { usageError } from '../exit.ts';
import { readSecret, readText } from '../files.ts';
import { plain } from '../output/sanitise.ts';

/** `login`: tries the token before anything is kept. */
export const addLogin: AddCommand = (program, { io }) => {
  program
    .command('login')
    .description('remember a controller and a token as a context, and use it from now on')
    .argument('<url>', 'where the controller is, like https://10.0.0.5:7411')
    .requiredOption('--token-file <file>', 'file that holds the token; - reads it from standard input')
    .requiredOption('--ca-file <file>', "the fleet's CA certificate: ca.pem in the controller's state directory")
    .option('--name <name>', 'what to call the context; the name of the fleet where it is not given')
    .action(async (url: string, options: { tokenFile: string; caFile: string; name?: string }) => {
      if (!/^https:\/\/[^/]+\/?$/.test(url)) throw usageError(`${url} is not of the form https://HOST:PORT`);
      const base = url.replace(/\/$/, '');
      const token = options.tokenFile === '-' ? (await io.stdin()).trim() : await readSecret(options.tokenFile);
      const ca = await readText(options.caFile, 1024 * 1024);
      if (!ca.includes('-----BEGIN CERTIFICATE-----'))
        throw usageError(`${options.caFile} holds no certificate in PEM`);
      const client = createClient({ url: base, ca, token });
      const who = await client.whoami().finally(() => client.close());
      const path = contextsPath(io);
      const contexts = await loadContexts(path);
      const name = options.name ?? who.fleet;
      await saveContexts(path, {
        current: name,
        contexts: { ...contexts.contexts, [name]: { url: base, ca, token } },
      });
      io.err(
        `Logged in to fleet ${plain(who.fleet)} at ${base} as ${plain(who.name)} (${who.role}); context ${plain(name)}.\n`,
      );
    });
};
