import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

interface Asset {
  type: string;
  bytes: Buffer;
  /** Null where it does not get smaller. */
  gzip: Buffer | null;
  etag: string;
  /** Its name has a digest of its content in it. */
  hashed: boolean;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** A year: another content has another name. */
const FOR_EVER = 'public, max-age=31536000, immutable';
const PAGE = '/index.html';

/** Where the build has put the console: beside the bundled program, or in `dist` of the source tree. */
export function consoleDirectory(): string | null {
  const places = ['./console/', '../../../dist/console/'].map(place => fileURLToPath(new URL(place, import.meta.url)));
  return places.find(place => existsSync(join(place, PAGE))) ?? null;
}

/** By path, `/index.html`. All of it is kept in memory: some 3 MB, of files that cannot be exchanged under a running controller. */
export function readAssets(directory: string): Map<string, Asset> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
  return new Map(
    files.flatMap(entry => {
      const file = join(entry.parentPath, entry.name);
      const type = TYPES[extname(entry.name)];
      if (type === undefined) return [];
      const bytes = readFileSync(file);
      const packed = gzipSync(bytes);
      const path = `/${file.slice(join(directory, '/').length)}`;
      return [
        [
          path,
          {
            ...{ type, bytes, hashed: path.startsWith('/assets/') },
            gzip: packed.length < 0.95 * bytes.length ? packed : null,
            etag: `"${createHash('sha256').update(bytes).digest('base64url')}"`,
          },
        ] as const,
      ];
    }),
  );
}

/** Serves the files under their names, and the page for every other path: which screen it shows is its own matter. */
export function registerAssets(app: FastifyInstance, assets: ReadonlyMap<string, Asset>): void {
  const options = { schema: { hide: true }, config: { role: 'anyone' as const } };
  for (const [path, asset] of assets)
    if (path !== PAGE) app.get(path, options, async (request, reply) => give(request, reply, asset));
  const page = assets.get(PAGE);
  if (page === undefined) return;
  app.get('/*', options, async (request, reply) => {
    const [path = ''] = request.url.split('?');
    // A script that is not there must not become a page, and the API has answers of its own.
    if (/^\/(api|assets|console)(\/|$)/.test(path)) return reply.callNotFound();
    return give(request, reply, page);
  });
}

function give(request: FastifyRequest, reply: FastifyReply, asset: Asset) {
  reply.header('cache-control', asset.hashed ? FOR_EVER : 'no-cache').header('etag', asset.etag);
  reply.header('vary', 'accept-encoding');
  if (request.headers['if-none-match'] === asset.etag) return reply.code(304).send();
  const packs = asset.gzip !== null && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  if (packs) reply.header('content-encoding', 'gzip');
  return reply.type(asset.type).send(packs ? asset.gzip : asset.bytes);
}
