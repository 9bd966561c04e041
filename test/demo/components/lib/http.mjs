// A small HTTP server that stops gracefully, and a client that gives up in time.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { ownAddress, root } from './site.mjs';

/**
 * Serves `handle(method, path, body) -> { status, body }` until SIGTERM; then takes no new connection, answers what it
 * has begun and ends. The pid file appears once it listens, so that whoever waits for it can call at once.
 */
export function serve(product, port, handle) {
  const pidFile = join(root, 'run', `${product}.pid`);
  const server = createServer(async (incoming, response) => {
    let body = '';
    for await (const part of incoming.setEncoding('utf8')) body += part;
    const answer = await handle(incoming.method, incoming.url, body).catch(error => ({
      status: 502,
      body: { error: error.message },
    }));
    // One request a connection: nobody is left waiting on a connection of a server that has stopped.
    response.writeHead(answer.status, { 'content-type': 'application/json', connection: 'close' });
    response.end(`${JSON.stringify(answer.body)}\n`);
  });
  server.on('error', error => {
    console.error(`${product} cannot listen on port ${port}: ${error.message}`);
    process.exit(1);
  });
  server.listen(port, ownAddress, () => {
    mkdirSync(join(root, 'run'), { recursive: true });
    writeFileSync(`${pidFile}.new`, `${process.pid}\n`);
    renameSync(`${pidFile}.new`, pidFile);
  });
  process.on('SIGTERM', () => {
    rmSync(pidFile, { force: true });
    server.close(() => process.exit(0));
    // A connection on which nobody has asked anything would hold it for ever.
    setTimeout(() => process.exit(0), 7_000);
  });
}

/** One request; rejects where there is no answer within `timeoutMs`. */
export function call(method, url, { body = '', timeoutMs = 2_000 } = {}) {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, agent: false, timeout: timeoutMs }, response => {
      let text = '';
      response.setEncoding('utf8').on('data', part => {
        text += part;
      });
      response.on('end', () => {
        try {
          resolve({ status: response.statusCode, body: JSON.parse(text) });
        } catch {
          reject(new Error(`${url} did not answer with JSON`));
        }
      });
      response.on('error', reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${url} did not answer within ${timeoutMs} ms`)));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Asks one place after the other, round and round, until one answers 200 or `withinMs` are over. */
export async function callAny(places, method, path, { withinMs }) {
  const end = performance.now() + withinMs;
  let why = 'there is no such place';
  for (let turn = 0; performance.now() < end; turn++) {
    const place = places[turn % places.length];
    if (!place) break;
    try {
      const answer = await call(method, place.url + path);
      if (answer.status === 200) return answer.body;
      why = `${place.host} answered ${answer.status}: ${answer.body.error ?? ''}`;
    } catch (error) {
      why = `${place.host}: ${error.message}`;
    }
    if (turn % places.length === places.length - 1) await new Promise(resolve => setTimeout(resolve, 30));
  }
  throw new Error(`no answer within ${withinMs} ms, last ${why}`);
}
