import { type Client, createClient } from '../client/client.ts';
import { chooseContext, contextsPath, loadContexts } from './contexts.ts';
import type { Io } from './io.ts';

export interface ConnectionOptions {
  context?: string;
  timeout?: number;
}

/** Opens the client of the chosen context for as long as `work` takes. */
export async function withClient<T>(
  io: Io,
  options: ConnectionOptions,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const contexts = await loadContexts(contextsPath(io));
  const { context } = chooseContext(contexts, options.context ?? io.env.TIDEMARK_CONTEXT);
  const client = createClient({
    ...context,
    ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
  });
  try {
    return await work(client);
  } finally {
    client.close();
  }
}
