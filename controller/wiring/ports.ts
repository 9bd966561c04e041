import { createServer } from 'node:net';
import type { Listen, Settings } from '../config/settings.ts';

/**
 * Why the controller cannot listen where its settings say, one sentence an address; empty where it can. Asked before
 * anything is made: a controller that cannot start leaves no keys and no database behind.
 */
export async function portProblems(settings: Pick<Settings, 'api' | 'link' | 'enrolment'>): Promise<string[]> {
  const problems = await Promise.all([
    problemOf('apiListen', settings.api),
    problemOf('linkListen', settings.link),
    problemOf('enrolListen', settings.enrolment),
  ]);
  return problems.filter(problem => problem !== null);
}

function problemOf(setting: string, { host, port }: Listen): Promise<string | null> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(listenProblem(setting, { host, port }, error)));
    server.listen(port, host, () => server.close(() => resolve(null)));
  });
}

/** What to say of an address that cannot be had, and what to do. */
export function listenProblem(setting: string, { host, port }: Listen, error: NodeJS.ErrnoException): string {
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const said = `cannot listen on ${where} (${setting})`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${said}: another program listens there, perhaps a controller that runs already. Stop it, or set ${setting} to another port`;
    case 'EACCES':
      return `${said}: this user may not open port ${port}. Set ${setting} to a port above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${said}: this is no address of this machine. Set ${setting} to one, or to 0.0.0.0:${port} for all`;
    default:
      return `${said}: ${error.message}. Set ${setting} to another address`;
  }
}
