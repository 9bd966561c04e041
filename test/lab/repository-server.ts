import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';
import { GATEWAY, REPOSITORY_PORT } from './places.ts';

/* `node repository-server.ts DIRECTORY...`: serves the repositories to the hosts, on the bridge: what the first of them has. */

const directories = process.argv.slice(2);

createServer((request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://lab').pathname));
  const files = directories.map(directory => join(directory, path));
  const file = files.find(each => statSync(each, { throwIfNoEntry: false })?.isFile()) ?? '/nonexistent';
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found || (request.method !== 'GET' && request.method !== 'HEAD')) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-length': found.size, 'last-modified': found.mtime.toUTCString() });
  if (request.method === 'HEAD') response.end();
  else createReadStream(file).pipe(response);
}).listen(REPOSITORY_PORT, GATEWAY);
