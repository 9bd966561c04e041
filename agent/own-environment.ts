import { readFileSync } from 'node:fs';
import { isSea } from 'node:sea';
import { stopCoverage } from 'node:v8';

/* What a variable of the environment could change of a program that runs as root, it does not. */

/** That Node, its event loop or OpenSSL listen to; what else a server's environment holds is its own business. */
const HEARD = /^(NODE|UV|OPENSSL|SSL_CERT)_/;
/** Set by whoever listens for a reply, not by whoever wants to change how the program runs. */
const KEPT: ReadonlySet<string> = new Set(['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE']);

/** Names of the variables that must not reach this program. */
export const heardVariables = (env: Readonly<Record<string, string | undefined>>): string[] =>
  Object.keys(env).filter(name => HEARD.test(name) && !KEPT.has(name));

/**
 * NODE_OPTIONS is not read by the executable at all. Where there are others, they are taken away and the program begins anew in
 * this very process: some are read before the first line of ours.
 */
export function leaveEnvironment(): void {
  if (!isSea()) return;
  const heard = heardVariables(process.env);
  if (heard.length === 0) return;
  for (const name of heard) delete process.env[name];
  if (process.platform !== 'linux') return;
  // Else what it has measured so far would be written where NODE_V8_COVERAGE said.
  stopCoverage();
  // As it was called: Node takes options of its own out of process.argv.
  const [, ...args] = readFileSync('/proc/self/cmdline', 'utf8').split('\0').slice(0, -1);
  process.execve?.(process.execPath, [process.execPath, ...args], process.env);
}
