import { createReadStream, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import type { CommandPlace } from '@tidemark/agent/platform/command.ts';
import { run, runOk } from './command.ts';

/* Trees that package managers work on without a system running in them: they are entered by chroot. */

export interface PackageTree {
  root: string;
  place: CommandPlace;
  path(serverPath: string): string;
  /** Files below a directory; none where it is not there. */
  list(serverPath: string): string[];
  /** In the tree, as root. */
  chroot(...argv: string[]): Promise<string>;
  close(): Promise<void>;
}

/** A throw-away copy of a tree, with the kernel's view of processes in it, which says who has a lock. */
export async function cloneTree(lower: string): Promise<PackageTree> {
  const directory = mkdtempSync(join('/var/tmp', 'tidemark-tree-'));
  const [root, upper, work, step] = ['root', 'upper', 'work', 'step'].map(name => join(directory, name));
  for (const each of [root, upper, work, step]) mkdirSync(each as string);
  const at = root as string;
  await runOk([
    'mount',
    '-t',
    'overlay',
    'tidemark-tree',
    '-o',
    `lowerdir=${lower},upperdir=${upper},workdir=${work}`,
    at,
  ]);
  await runOk(['mount', '-t', 'proc', 'proc', join(at, 'proc')]);
  return {
    root: at,
    place: { root: at, output: () => undefined, signal: new AbortController().signal, directory: step as string },
    path: serverPath => join(at, serverPath),
    list: serverPath =>
      existsSync(join(at, serverPath)) ? readdirSync(join(at, serverPath), { recursive: true, encoding: 'utf8' }) : [],
    chroot: (...argv) => runOk(['chroot', at, ...argv], { env: { ...process.env, HOME: '/' } }),
    async close() {
      await runOk(['umount', join(at, 'proc')]);
      // What was started in it and stays (an agent of gpg) ends when its directory is gone.
      if ((await run(['umount', at])).code !== 0) await runOk(['umount', '--lazy', at]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Serves files on this machine's loopback; gives the address. */
export async function serveFiles(directory: string): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const file = join(directory, normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://lab').pathname)));
    const found = statSync(file, { throwIfNoEntry: false });
    if (!found?.isFile()) response.writeHead(404).end();
    else {
      response.writeHead(200, { 'content-length': found.size, 'last-modified': found.mtime.toUTCString() });
      createReadStream(file).pipe(response);
    }
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
