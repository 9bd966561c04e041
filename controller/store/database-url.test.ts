import { describe, expect, it } from 'vitest';
import { siteConnection, withoutSecret } from './database-url.ts';

describe('DATABASE_URL', () => {
  it.each([
    ['postgres://tm:x@db.example:5433/tm', { url: 'postgres://tm:x@db.example:5433/tm' }],
    ['postgres://tm:x@db.example/tm?sslmode=require', { url: 'postgres://tm:x@db.example/tm?sslmode=require' }],
    ['postgres://tm@localhost/tm?host=/run/postgresql', { url: 'postgres://tm@localhost/tm', host: '/run/postgresql' }],
    [
      'postgres://tm:x@db.example/tm?sslmode=verify-full&sslrootcert=/ca.pem',
      {
        url: 'postgres://tm:x@db.example/tm',
        ssl: { host: 'db.example', rejectUnauthorized: true, ca: 'PEM of /ca.pem' },
      },
    ],
    ...['sslrootcert=system', 'sslmode=verify-full'].map((how): [string, object] => [
      `postgres://tm:x@10.0.0.9/tm?${how}`,
      { url: 'postgres://tm:x@10.0.0.9/tm', ssl: { host: '10.0.0.9', rejectUnauthorized: true } },
    ]),
  ])('%s is read as PostgreSQL reads it', (text, expected) => {
    expect(siteConnection(text, path => `PEM of ${path}`)).toEqual(expected);
  });

  it('that is none, or names a file that is not there, is refused without being shown', () => {
    expect(() => siteConnection('no url, geheim')).toThrow(/^DATABASE_URL is no URL: write postgres:/);
    expect(() => siteConnection('postgres://tm:geheim@h1,h2/d')).toThrow(/^DATABASE_URL names several servers/);
    const missing = 'postgres://tm:geheim@h/d?sslrootcert=/not/there';
    expect(() => siteConnection(missing)).toThrow('/not/there');
    expect(() => siteConnection(missing)).not.toThrow('geheim');
  });

  it.each([
    ['postgres://tm:geheim@db.example:5433/tm?password=geheim', 'postgres://tm@db.example:5433/tm'],
    ['geheim', 'of DATABASE_URL'],
  ])('%s is shown without a password', (text, shown) => {
    expect(withoutSecret(text)).toBe(shown);
  });
});
