import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';
import { GATEWAY, REPOSITORY_PORT } from './places.ts';

/* `node repository-server.ts DIRECTORY`: serves the apt repository to the hosts, on the bridge. */

const [directory = '/nonexistent'] = process.argv.slice(2);

createServer((request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://lab').pathname));
  const file = join(directory, path);
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile() || (request.method !== 'GET' && request.method !== 'HEAD')) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-length': found.size, 'last-modified': found.mtime.toUTCString() });
  if (request.method === 'HEAD') response.end();
  else createReadStream(file).pipe(response);
}).listen(REPOSITORY_PORT, GATEWAY);
