import { readFileSync } from 'node:fs';
import { StoreError } from './errors.ts';

/** What the driver is given of a DATABASE_URL. */
export interface SiteConnection {
  url: string;
  /** Directory of the server's socket. */
  host?: string;
  ssl?: { host: string; rejectUnauthorized: true; ca?: string };
}

/**
 * Reads DATABASE_URL as PostgreSQL's own programs do where the driver does not: `?host=/var/run/postgresql` names a
 * socket, `?sslmode=verify-full&sslrootcert=FILE` the authority that vouches for the server.
 */
export function siteConnection(
  text: string,
  readFile: (path: string) => string = path => readFileSync(path, 'utf8'),
): SiteConnection {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new StoreError('site-database', 'DATABASE_URL is no URL: write postgres://user:password@host:5432/database');
  }
  if (url.hostname.includes(','))
    throw new StoreError(
      'site-database',
      'DATABASE_URL names several servers: name the one that takes changes, or the address that follows it',
    );
  const host = url.searchParams.get('host');
  const authority = url.searchParams.get('sslrootcert');
  const verified = authority !== null || url.searchParams.get('sslmode') === 'verify-full';
  url.searchParams.delete('host');
  if (verified) {
    url.searchParams.delete('sslrootcert');
    url.searchParams.delete('sslmode');
  }
  const ca = authority === null || authority === 'system' ? {} : { ca: authorityIn(authority, readFile) };
  return {
    url: url.href,
    ...(host !== null && { host }),
    // The name to be checked is said here: for an address the driver leaves it out, and Node then checks "localhost".
    ...(verified && { ssl: { host: url.hostname, rejectUnauthorized: true, ...ca } }),
  };
}

function authorityIn(file: string, readFile: (path: string) => string): string {
  try {
    return readFile(file);
  } catch (error) {
    throw new StoreError(
      'site-database',
      `the file ${file} that DATABASE_URL names as sslrootcert cannot be read: name one that can`,
      error,
    );
  }
}

/** A URL without its password, and without parameters, which may hold one too: for messages. */
export function withoutSecret(text: string): string {
  try {
    const { protocol, username, host, pathname } = new URL(text);
    return `${protocol}//${username ? `${username}@` : ''}${host}${pathname}`;
  } catch {
    return 'of DATABASE_URL';
  }
}
