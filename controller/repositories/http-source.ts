import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { getFrom, OutOfBounds } from '../probes/get-from.ts';
import { ImportRefused, tooLong } from '../signatures/errors.ts';
import type { RepositorySource } from '../signatures/ports.ts';

export interface HttpSourceOptions {
  /** Of the repository, `http:` or `https:`. */
  url: string;
  /** Where files lie while they are needed. */
  directory: string;
  /** Whether the controller may go to an address. */
  mayReach: (address: string) => boolean;
  signal: AbortSignal;
  /** Without a byte for so long, nothing more is expected. */
  idleMs?: number;
  /** Of one file, however slowly it comes. */
  totalMs?: number;
}

const IDLE_MS = 60_000;
/** A package of 2 GB over a line of 10 Mbit/s. */
const TOTAL_MS = 30 * 60_000;
const MAX_REDIRECTS = 5;

/** The files of a repository by HTTP. Redirects are followed on the repository's own host alone. */
export function httpSource({ idleMs = IDLE_MS, totalMs = TOTAL_MS, ...options }: HttpSourceOptions): RepositorySource {
  const base = new URL(options.url.endsWith('/') ? options.url : `${options.url}/`);
  const addressOf = (path: string) => new URL(path.split('/').map(encodeURIComponent).join('/'), base);

  async function get(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    let url = addressOf(path);
    for (let redirects = 0; ; redirects++) {
      const reply = await getFrom(url, { mayReach: options.mayReach, signal, idleMs });
      const { statusCode = 0, headers } = reply;
      if (![301, 302, 303, 307, 308].includes(statusCode)) return reply;
      reply.destroy();
      if (redirects === MAX_REDIRECTS || headers.location === undefined || !URL.canParse(headers.location, url.href))
        throw new ImportRefused('unreachable', `${url.href} leads on and on: ${MAX_REDIRECTS} redirects and no file`);
      const next = new URL(headers.location, url);
      const isSame = next.hostname === url.hostname && (next.protocol === url.protocol || next.protocol === 'https:');
      if (!isSame || (next.port !== url.port && next.protocol === url.protocol))
        throw new ImportRefused(
          'unreachable',
          `${url.href} leads to ${next.origin}, another server, which is not followed. Where that is the repository, import it by that address`,
        );
      url = next;
    }
  }

  /** Null where there is none; else the file is whole. */
  async function fetched(path: string, file: string, mostBytes: number, signal: AbortSignal) {
    const reply = await get(path, signal);
    const { statusCode = 0, headers } = reply;
    if (statusCode === 200 && Number(headers['content-length'] ?? 0) <= mostBytes)
      return receive(reply, file, addressOf(path).href, mostBytes);
    reply.destroy();
    if (statusCode === 200) throw tooLong(addressOf(path).href, mostBytes);
    if (statusCode === 404 || statusCode === 410) return null;
    throw new ImportRefused('unreachable', `${addressOf(path).href} answers with status ${statusCode}`);
  }

  return {
    async read(path, mostBytes, use) {
      const late = AbortSignal.timeout(totalMs);
      const file = join(options.directory, `repository-${randomUUID()}`);
      await mkdir(options.directory, { recursive: true, mode: 0o700 });
      try {
        const got = await fetched(path, file, mostBytes, AbortSignal.any([options.signal, late])).catch(error => {
          if (error instanceof ImportRefused || (error as NodeJS.ErrnoException).code === 'ENOSPC') throw error;
          if (options.signal.aborted) throw options.signal.reason;
          if (error instanceof OutOfBounds)
            throw new ImportRefused(
              'unreachable',
              `${error.message}: where the repository really is there, open its network by the controller's setting repositoryNetworks`,
            );
          const why = late.aborted ? `it did not come within ${totalMs / 1000} s` : (error as Error).message;
          throw new ImportRefused(
            'unreachable',
            `${addressOf(path).href}: ${why || 'no answer'}. Import again later: what was read is not read again`,
          );
        });
        return got && (await use({ file, ...got }));
      } finally {
        await rm(file, { force: true });
      }
    },
  };
}

async function receive(reply: IncomingMessage, file: string, what: string, mostBytes: number) {
  const hash = createHash('sha256');
  let bytes = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > mostBytes) return done(tooLong(what, mostBytes));
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(reply, meter, createWriteStream(file, { flags: 'wx', mode: 0o600 }));
  return { bytes, digest: `sha256:${hash.digest('hex')}` as const };
}
