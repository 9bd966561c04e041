import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { CliError, Exit, usageError } from './exit.ts';
import type { Io } from './io.ts';

const Context = z.object({
  url: z.url({ protocol: /^https$/ }),
  /** PEM of the CA that the controller's certificate must come from. */
  ca: z.string().min(1),
  token: z.string().min(1),
});
export type Context = z.infer<typeof Context>;

const ContextsFile = z.object({ current: z.string().nullable(), contexts: z.record(z.string(), Context) });
export type Contexts = z.infer<typeof ContextsFile>;

/** Where controllers and tokens are remembered: TIDEMARK_CONFIG, else below XDG_CONFIG_HOME or ~/.config. */
export function contextsPath({ env, home }: Pick<Io, 'env' | 'home'>): string {
  return env.TIDEMARK_CONFIG || join(env.XDG_CONFIG_HOME || join(home, '.config'), 'tidemark', 'contexts.json');
}

export async function loadContexts(path: string): Promise<Contexts> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { current: null, contexts: {} };
    throw new CliError(Exit.error, `${path} cannot be read: ${(error as Error).message}`);
  }
  await refuseIfOthersRead(path);
  const parsed = ContextsFile.safeParse(parseJson(text));
  if (!parsed.success)
    throw new CliError(Exit.error, `${path} is not a file of contexts: repair it, or delete it and log in again`);
  return parsed.data;
}

/** Written beside and moved over: whoever reads it meanwhile sees the old or the new, never half. */
export async function saveContexts(path: string, contexts: Contexts): Promise<void> {
  const directory = dirname(path);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const draft = join(directory, `.contexts-${randomUUID()}`);
    await writeFile(draft, `${JSON.stringify(contexts, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    await chmod(draft, 0o600);
    await rename(draft, path);
  } catch (error) {
    throw new CliError(Exit.error, `${path} cannot be written: ${(error as Error).message}`);
  }
}

/** The context that a command talks to: by `--context`, TIDEMARK_CONTEXT, else the current one. */
export function chooseContext(contexts: Contexts, wanted: string | undefined): { name: string; context: Context } {
  const name = wanted ?? contexts.current;
  if (name === null)
    throw usageError('no controller is known here: log in with "tidemark login URL --token-file FILE --ca-file FILE"');
  const context = contexts.contexts[name];
  if (!context) {
    const known = Object.keys(contexts.contexts).join(', ') || 'none';
    throw usageError(`there is no context ${name}: known are ${known}`);
  }
  return { name, context };
}

async function refuseIfOthersRead(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0)
    throw new CliError(Exit.error, `${path} holds tokens and others may read it: run "chmod 600 ${path}" first`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
