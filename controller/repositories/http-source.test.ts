import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '@tidemark/shared/base/digest.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reachable } from '../probes/reachable.ts';
import { ImportRefused } from '../signatures/errors.ts';
import { httpSource } from './http-source.ts';

describe('a repository at an address', () => {
  let directory: string;
  let servers: Server[];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tm-http-source-'));
    servers = [];
  });
  afterEach(async () => {
    expect(readdirSync(directory)).toEqual([]);
    rmSync(directory, { recursive: true });
    for (const server of servers) {
      server.closeAllConnections();
      await new Promise(done => server.close(done));
    }
  });

  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const sourceAt = (url: string, more: Partial<Parameters<typeof httpSource>[0]> = {}) =>
    httpSource({
      url,
      directory,
      mayReach: reachable(['127.0.0.1/32']),
      signal: new AbortController().signal,
      ...more,
    });
  const text = ({ file }: { file: string }) => Promise.resolve(readFileSync(file, 'utf8'));
  const refusal = async (reading: Promise<unknown>): Promise<string> => {
    try {
      return `taken: ${await reading}`;
    } catch (error) {
      if (error instanceof ImportRefused) return `${error.code}: ${error.message}`;
      throw error;
    }
  };

  it('gives its files, by their names below it, with length and digest', async () => {
    const asked: string[] = [];
    const url = await serve((request, reply) => {
      asked.push(request.url ?? '');
      reply.end('content');
    });
    const source = sourceAt(`${url}/debian`);
    const found = await source.read('pool/a b+%~.deb', 7, async file => [await text(file), file.bytes, file.digest]);
    expect(found).toEqual(['content', 7, digestOf(Buffer.from('content'))]);
    expect(asked).toEqual(['/debian/pool/a%20b%2B%25~.deb']);
  });

  it.each([404, 410])('has none where it answers %d', async status => {
    const url = await serve((_, reply) => reply.writeHead(status).end('no'));
    expect(await sourceAt(url).read('a', 9, text)).toBeNull();
  });

  it('is followed on its own server, and nowhere else', async () => {
    const other = await serve((_, reply) => reply.end('other'));
    const url = await serve((request, reply) => {
      const to = { '/far': `${other}/a`, '/near': '/a', '/round': '/round', '/odd': 'ftp://127.0.0.1/a' }[
        request.url ?? ''
      ];
      if (to) reply.writeHead(302, { location: to }).end();
      else reply.end('own');
    });
    const source = sourceAt(url);
    expect(await source.read('near', 9, text)).toBe('own');
    expect(await refusal(source.read('far', 9, text))).toMatch(/^unreachable: .*another server, which is not followed/);
    expect(await refusal(source.read('odd', 9, text))).toMatch(/^unreachable: .*another server/);
    expect(await refusal(source.read('round', 9, text))).toMatch(/^unreachable: .*leads on and on/);
  });

  it('is read no further than was announced', async () => {
    const url = await serve((request, reply) => {
      if (request.url === '/said') reply.writeHead(200, { 'content-length': 1_000_000 });
      const more = setInterval(() => reply.write('x'.repeat(10_000)), 1);
      reply.on('close', () => clearInterval(more));
    });
    for (const path of ['said', 'endless'])
      expect(await refusal(sourceAt(url).read(path, 100_000, text))).toMatch(/^too-large: .* longer than 100000 bytes/);
  });

  it('is not waited for without end', async () => {
    const url = await serve((request, reply) => {
      if (request.url !== '/drops') return;
      const more = setInterval(() => reply.write('x'), 20);
      reply.on('close', () => clearInterval(more));
    });
    expect(await refusal(sourceAt(url, { idleMs: 100 }).read('mute', 9, text))).toMatch(
      /^unreachable: .*nothing came for 0\.1 s/,
    );
    expect(await refusal(sourceAt(url, { totalMs: 300 }).read('drops', 10_000, text))).toMatch(
      /^unreachable: .*did not come within 0\.3 s/,
    );
    const end = new AbortController();
    const reading = refusal(sourceAt(url, { signal: end.signal }).read('mute', 9, text));
    end.abort(new ImportRefused('import-ended', 'ended'));
    expect(await reading).toBe('import-ended: ended');
  });

  it('is refused where it breaks off, fails, or is no place for the controller', async () => {
    const url = await serve((request, reply) => {
      if (request.url === '/500') reply.writeHead(500).end();
      else {
        reply.writeHead(200, { 'content-length': 10 });
        reply.write('half');
        setTimeout(() => reply.destroy(), 20);
      }
    });
    expect(await refusal(sourceAt(url).read('500', 9, text))).toMatch(/^unreachable: .*status 500/);
    expect(await refusal(sourceAt(url).read('half', 10, text))).toMatch(/^unreachable: .*Import again later/);
    expect(await refusal(sourceAt(url, { mayReach: reachable() }).read('a', 9, text))).toMatch(
      /^unreachable: .*is at 127\.0\.0\.1, where the controller does not go: .*repositoryNetworks/,
    );
  });
});
