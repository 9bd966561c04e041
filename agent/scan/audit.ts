import type { BigIntStats } from 'node:fs';
import { compileTextGlob } from '@tidemark/shared/fingerprint/glob.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { SERVER_SECRETS } from '@tidemark/shared/fingerprint/server-secrets.ts';

/*
 * An audit answers with HMACs under a nonce that the controller has just drawn. Whoever asks can try what a short content
 * may be, so an audit says nothing of what not everybody on the server may read anyway.
 */

/** Where a server's owner says nothing: software, and no data. */
export const AUDITED_BY_DEFAULT: readonly string[] = ['/bin', '/sbin', '/lib*', '/usr', '/opt', '/boot'].flatMap(
  root => [root, `${root}/**`],
);

export interface AuditRules {
  /** 32 bytes: the key of all digests. */
  nonce: Buffer;
  /** Whether the content of a regular file may be digested. Paths are bytes as latin1. */
  permits(path: string, stat: Pick<BigIntStats, 'mode'>): boolean;
}

const OTHERS_READ = 0o004n;

/** Null where the profile asks for no audit. `permitted` are globs of this server's own policy. */
export function auditRules(
  { nonce, secret = [] }: Pick<ScanProfile, 'nonce' | 'secret'>,
  permitted: readonly string[],
): AuditRules | null {
  if (nonce === undefined) return null;
  const open = permitted.map(compileTextGlob);
  // The profile that comes with the agent, too: the one that was sent may name none.
  const closed = [...SERVER_SECRETS, ...secret].map(compileTextGlob);
  return {
    nonce: Buffer.from(nonce, 'hex'),
    permits: (path, { mode }) =>
      (mode & OTHERS_READ) !== 0n && open.some(fits => fits(path)) && !closed.some(fits => fits(path)),
  };
}

/** The first root of an audit below which this server's policy permits nothing; null where there is none. */
export function forbiddenRoot({ roots }: Pick<ScanProfile, 'roots'>, permitted: readonly string[]): string | null {
  const open = permitted.map(compileTextGlob);
  const found = roots.find(({ path }) => !open.some(fits => fits(Buffer.from(normal(path)).toString('latin1'))));
  return found?.path ?? null;
}

/** `/usr/../etc` is not below `/usr`. */
function normal(path: string): string {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return `/${names.join('/')}`;
}
