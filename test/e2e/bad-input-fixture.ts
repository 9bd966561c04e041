import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { type Client, createClient } from '@tidemark/controller/client/client.ts';
import { afterAll, beforeAll, expect } from 'vitest';
import { type CommandResult, canMount } from '../support/fleet.ts';
import { Night } from '../support/night.ts';

/* The night on which things are given that are wrong: importing this starts it for the tests of a file. */

export const ERROR = 1;
export const USAGE = 2;
export const RUN_FAILED = 4;
export const DENIED = 6;

/** Enough for release 1.0.0 (three files, a page each) and for what 1.1.0 says that it takes, not for its pages. */
const TINY_DISK = '16k';

export let night: Night;
export let client: Client;

beforeAll(async () => {
  night = await Night.prepare({
    hosts: [
      { name: 'one', product: 'alpha' },
      { name: 'two', product: 'beta', ...(canMount() ? { disk: TINY_DISK } : {}) },
    ],
    waves: '    - {name: all, maxParallel: 2}',
    // What is wrong here is as wrong at the next try.
    extra: '  defaults: {retries: {max: 0}}',
  });
  night.startComponents();
  const { fleet } = night;
  client = createClient({
    url: `https://127.0.0.1:${fleet.ports.api}`,
    ca: readFileSync(fleet.state('ca.pem'), 'utf8'),
    token: readFileSync(fleet.state('admin.token'), 'utf8').trim(),
  });
});

afterAll(async () => {
  client?.close();
  await night?.stop();
});

/** All that a command could have changed: what the controller knows, what it keeps, and what it remembers of us. */
export async function standing(): Promise<unknown> {
  const { fleet } = night;
  const [{ hosts }, { digest, version }, ...lists] = await Promise.all([
    client.listHosts(),
    client.getLandscape({ query: {} }),
    client.listSignatures(),
    client.listBundles(),
    client.listPlans(),
    client.listRuns(),
    client.listIncidents({ query: { state: 'all' } }),
    client.listApiTokens(),
  ]);
  const names = hosts.map(({ name, id, state, connected }) => ({ name, id, state, connected }));
  const kept = ['artifacts', 'uploads'].map(folder => readdirSync(fleet.state(folder)).sort());
  return { names, digest, version, lists, kept, contexts: readFileSync(fleet.path('cli'), 'utf8') };
}

/** One message of one program, for people: no stack, nothing on standard output, and nothing of the fleet changed. */
export function expectOneMessage(result: CommandResult, exit: number, message: RegExp): void {
  const said = result.stderr.split('\n').filter(line => /^tidemark(-agent)?: /.test(line));
  expect({ exit: result.code, said, stdout: result.stdout }).toEqual({
    exit,
    said: [expect.stringMatching(message)],
    stdout: '',
  });
  expect(result.stderr).not.toMatch(/^\s+at .*:\d+/m);
}

/** Where the controller keeps the archive. */
export function keptArchive(file: string): string {
  return night.fleet.state('artifacts', createHash('sha256').update(readFileSync(file)).digest('hex'));
}

/** Command lines of processes that name this path. */
export function processesWith(path: string): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .filter(command => command.includes(path));
}
